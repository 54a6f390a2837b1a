import { describe, expect, test } from "vitest";
import { idsOf } from "./hugging-face.fixture.ts";
import { createHuggingFaceTokenizer } from "./hugging-face.ts";
import { trainWordBpe } from "./word-bpe.ts";

/** Sennrich et al. 2016. */
const lowest = new Map([
  ["low", 5],
  ["lower", 2],
  ["newest", 6],
  ["widest", 3],
]);
const merged = (options: Parameters<typeof trainWordBpe>[1]) =>
  trainWordBpe(lowest, options).merges.map((pair) => pair.join("+"));

describe("byte-pair vocabularies of words, by hand", () => {
  test("[tokenizer] special tokens come first, then characters by code point, then what merges spell", () => {
    const { vocab, merges } = trainWordBpe(lowest, { entries: 15, special: ["[UNK]"], initialAlphabet: ["z"] });
    // es and st occur 9 times, we 8: e < s wins the tie; the fifteenth entry is the second merge's.
    expect(vocab).toEqual(["[UNK]", ..."deilnorstwz", "es", "est", "lo"]);
    expect(merges).toEqual([
      ["e", "s"],
      ["es", "t"],
      ["l", "o"],
    ]);
  });

  test("[tokenizer] the end of a word is another symbol than the same character inside one", () => {
    const { vocab, merges } = trainWordBpe(lowest, { entries: 40, minCount: 5, endSuffix: "</w>" });
    expect(vocab.slice(0, 13)).toEqual([..."deilnorstw", "w</w>", "r</w>", "t</w>"]);
    // "we" of newest and lower: 6 + 2 inside, "w</w>" of low stands apart with lo+w</w> 5.
    expect(merges.map((pair) => pair.join(" "))).toEqual([
      ...["e s", "es t</w>", "l o", "e w", "n ew", "new est</w>", "lo w</w>"],
    ]);
  });

  test("[tokenizer] a mark of later parts is dropped where they are joined", () => {
    const { vocab, merges } = trainWordBpe(lowest, { entries: 40, minCount: 7, continuingPrefix: "##" });
    // ##e+##s 9, ##es+##t 9, l+##o 7, lo+##w 7.
    expect(merges).toEqual([
      ["##e", "##s"],
      ["##es", "##t"],
      ["l", "##o"],
      ["lo", "##w"],
    ]);
    expect(vocab.slice(-4)).toEqual(["##es", "##est", "lo", "low"]);
  });

  test("rare pairs, long tokens and rare characters are left out", () => {
    expect(merged({ entries: 100, minCount: 9 })).toEqual(["e+s", "es+t"]);
    expect(merged({ entries: 100, minCount: 7, below: 3 })).toEqual(["e+s", "l+o"]);
    // e 17, w 16, s and t 9 each are the most frequent four: newest keeps "ewest", widest "west", lower "we", low "w".
    // we 6 + 3 + 2, then s+t and we+s 9 each: s < we wins; then we+st 9.
    const kept = trainWordBpe(lowest, { entries: 100, minCount: 9, mostCharacters: 4 });
    expect(kept.vocab).toEqual([..."estw", "we", "st", "west"]);
  });

  test("the result runs as a tokenizer.json", () => {
    const { vocab, merges } = trainWordBpe(lowest, { entries: 40, special: ["<unk>"], endSuffix: "</w>" });
    const tokenizer = createHuggingFaceTokenizer({
      pre_tokenizer: { type: "WhitespaceSplit" },
      model: { type: "BPE", vocab: idsOf(vocab), merges, unk_token: "<unk>", end_of_word_suffix: "</w>" },
    });
    const spelled = Array.from(tokenizer.encode("lower newest low"), (id) => vocab[id]);
    expect(spelled).toEqual(["lower</w>", "newest</w>", "low</w>"]);
  });

  test("refuses impossible sizes", () => {
    for (const entries of [0, 65_537, 1.5])
      expect(() => trainWordBpe(lowest, { entries })).toThrow(
        `entries: expected a whole number from 1 to 65536, got ${entries}`,
      );
  });
});
