import { describe, expect, test } from "vitest";
import { createRng } from "../../ops/index.ts";
import { trainBpe } from "./bpe.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { splitWords } from "./words.ts";

function spelled(tokenizer: Tokenizer): string[][] {
  const json = tokenizer.toJSON();
  return json.kind === "bpe" ? json.merges.map((pair) => pair.map((id) => tokenizer.decode([id]))) : [];
}
const tokens = (tokenizer: Tokenizer, text: string) =>
  Array.from(tokenizer.encode(text), (id) => tokenizer.decode([id]));

/**
 * The example of Sennrich et al. 2016 with a space before each word: "low" ×5, "lower" ×2, "newest" ×6, "widest" ×3.
 * Pairs by hand: es 9, st 9, we 8, " l" 7, lo 7, ow 7, " n", ne, ew 6, …; es wins the tie (e = 101 < s = 115), then es+t 9.
 * 7 times each: " l" has the smallest left id (space = 32); then ow (o = 111 < 258 = " l"); then " l"+ow.
 * 6 times each: " n" (space); then ew (e = 101, w = 119 and 261 = " n" are larger); then " n"+ew (261 < 262); then " new"+est.
 */
const lowest = `${" low".repeat(5)}${" lower".repeat(2)}${" newest".repeat(6)}${" widest".repeat(3)}`;
const byHand = [
  ["e", "s"],
  ["es", "t"],
  [" ", "l"],
  ["o", "w"],
  [" l", "ow"],
  [" ", "n"],
  ["e", "w"],
  [" n", "ew"],
  [" new", "est"],
];

describe("byte-pair encoding", () => {
  test("[tokenizer] merges are those of the example worked by hand", () => {
    const tokenizer = trainBpe(lowest, { entries: 256 + byHand.length });
    expect(spelled(tokenizer)).toEqual(byHand);
    expect(tokens(tokenizer, " lowest newest")).toEqual([" low", "est", " newest"]);
    expect(tokens(tokenizer, "lowest slow")).toEqual(["l", "ow", "est", " ", "s", "l", "ow"]);
  });

  test("ties go to the smaller left id, then to the smaller right id; overlapping pairs count each", () => {
    expect(spelled(trainBpe("zb\nzb\nza\nza\nya\nya\n", { entries: 257 }))).toEqual([["y", "a"]]);
    expect(spelled(trainBpe("dc\ndc\nba\nba\nbb\nbb\n", { entries: 257 }))).toEqual([["b", "a"]]);
    expect(spelled(trainBpe("aaa\naaa\nbc\nbc\nbc\n", { entries: 257 }))).toEqual([["a", "a"]]);
  });

  test("an entry that two pairs spell exists once", () => {
    // "abc" arises as a+bc and as ab+c: where "ab" was merged first, and where "bc" was.
    const tokenizer = trainBpe(`${"ab\n".repeat(9)}${"bc\n".repeat(8)}${"abc\n".repeat(7)}${"xbc\n".repeat(6)}`, {
      entries: 300,
    });
    const entries = Array.from({ length: tokenizer.size }, (_, id) => tokenizer.decode([id])).slice(256);
    expect(new Set(entries).size).toBe(entries.length);
    expect(entries).toContain("abc");
  });

  test("words are GPT-2's: merges never cross them", () => {
    const text = "I'll pay 25 dollars,  don't\n\n you?!  ";
    const words = ["I", "'ll", " pay", " 25", " dollars", ",", " ", " don", "'t", "\n\n", " you", "?!", "  "];
    expect([...splitWords(text)]).toEqual(words);
    const tokenizer = trainBpe("of the of the of the of the", { entries: 300 });
    expect(tokens(tokenizer, "of the")).toEqual(["of", " the"]);
    expect(tokenizer.size).toBe(256 + 5);
  });

  test("texts without spaces are cut into bounded words, and cost no more", () => {
    const rng = createRng(1);
    const genome = Array.from({ length: 100_000 }, () => "ACGT"[rng.below(4)]).join("");
    const tokenizer = trainBpe(genome, { entries: 400 });
    expect(tokenizer.size).toBe(400);
    expect(tokenizer.decode(tokenizer.encode(genome))).toBe(genome);
    expect([...splitWords("🙂".repeat(600))].map((word) => word.length)).toEqual([512, 512, 176]);
    expect([...splitWords(`${" ".repeat(257)}a`)].map((word) => word.length)).toEqual([256, 2]);
  });

  test("stops when no pair occurs twice, and refuses impossible sizes", () => {
    expect(trainBpe("", { entries: 300 }).size).toBe(256);
    expect(trainBpe("abcdef", { entries: 300 }).size).toBe(256);
    for (const entries of [256, 65_537, 300.5, Number.NaN]) {
      expect(() => trainBpe("text", { entries })).toThrow(
        `entries: expected a whole number from 257 to 65536, got ${entries}`,
      );
    }
  });
});
