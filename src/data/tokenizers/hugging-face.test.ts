import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fitTokenizer, tokenizerFromJSON } from "./fit.ts";
import { byteLevel, idsOf, special } from "./hugging-face.fixture.ts";
import { createHuggingFaceTokenizer } from "./hugging-face.ts";
import { assertLossless } from "./lossless.ts";

const folder = mkdtempSync(join(tmpdir(), "seqlab-tokenizer-"));
afterAll(() => rmSync(folder, { recursive: true }));

const wordPiece = {
  added_tokens: [special(0, "[PAD]"), special(1, "[UNK]")],
  normalizer: { type: "BertNormalizer", lowercase: true },
  pre_tokenizer: { type: "BertPreTokenizer" },
  post_processor: null,
  decoder: { type: "WordPiece", prefix: "##", cleanup: false },
  model: {
    type: "WordPiece",
    vocab: idsOf(["[PAD]", "[UNK]", "play", "##ing", "##ed", "we"]),
    unk_token: "[UNK]",
    continuing_subword_prefix: "##",
  },
};
const unigram = {
  added_tokens: [special(0, "<unk>"), special(1, "<s>")],
  pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always" },
  decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: "always" },
  model: {
    type: "Unigram",
    unk_id: 0,
    vocab: [
      ["<unk>", 0],
      ["<s>", 0],
      ["▁", -3],
      ["a", -3],
      ["b", -3],
      ["ab", -4],
      ["▁ab", -4.5],
      ["▁a", -7],
    ],
  },
};
const made = (json: unknown) => createHuggingFaceTokenizer(json, "t.json");
const encoded = (json: unknown, text: string) => Array.from(made(json).encode(text));

describe("[tokenizer] a tokenizer.json, by hand", () => {
  test("byte-level BPE merges in the order of its merges, and loses nothing", () => {
    const { vocab } = byteLevel.model;
    expect(encoded(byteLevel, "th the")).toEqual([vocab["th"], vocab["Ġthe"]]);
    expect(made(byteLevel).decode(made(byteLevel).encode("naïve the 🙂\n"))).toBe("naïve the 🙂\n");
    expect(made(byteLevel)).toMatchObject({ kind: "huggingface", size: 261, special: { pad: 0, eos: 1 } });
  });

  test("WordPiece takes the longest piece first; a word with a part that it lacks is unknown as a whole", () => {
    expect(encoded(wordPiece, "We played playing plays")).toEqual([5, 2, 4, 2, 3, 1]);
    expect(made(wordPiece).decode([5, 2, 4])).toBe("we played");
    expect(made(wordPiece).special).toEqual({ pad: 0, unk: 1 });
  });

  test("Unigram takes the segmentation of the greatest sum of scores", () => {
    // " ab" costs 4.5 as one piece, 7 as ▁ + ab, 10 as ▁a + b; "b" alone has no piece with a space before it.
    expect(encoded(unigram, "ab b")).toEqual([6, 2, 4]);
    expect(encoded(unigram, "aab")).toEqual([2, 3, 5]);
    expect(made(unigram).decode([6, 2, 4])).toBe("ab b");
    expect(made(unigram).special).toEqual({ bos: 1, unk: 0 });
  });

  test.each([byteLevel, wordPiece, unigram])("goes through JSON unchanged: $model.type", (json) => {
    const first = made(json);
    const text = JSON.stringify(first);
    const again = tokenizerFromJSON(JSON.parse(text));
    expect(JSON.stringify(again)).toBe(text);
    expect(again.encode("we ab the play")).toEqual(first.encode("we ab the play"));
  });

  test("streamed decoding gives the text of all ids, whole characters at a time", () => {
    for (const [json, text] of [
      [byteLevel, " the naïve 🙂🙂 the"],
      [wordPiece, "we played playing"],
      [unigram, "ab b aab"],
    ] as const) {
      const tokenizer = made(json);
      const stream = tokenizer.streamDecoder();
      const parts = Array.from(tokenizer.encode(text), (id) => stream.push(id));
      expect([...parts, stream.end()].join("")).toBe(text);
      expect(parts.every((part) => !part.includes("\ufffd"))).toBe(true);
    }
    const cut = made(byteLevel).streamDecoder();
    expect(cut.push(2 + 0xf0)).toBe("");
    expect(cut.end()).toBe("\ufffd");
  });

  test("numbers that are no ids are refused", () => {
    for (const id of [-1, 261, 1.5]) {
      expect(() => made(byteLevel).decode([id])).toThrow(`token id: expected 0 … 260, got ${id}`);
      expect(() => made(byteLevel).streamDecoder().push(id)).toThrow("[E_TOKEN_ID]");
    }
  });
});

describe("[tokenizer] long texts of Unigram models", () => {
  const crossing = {
    ...unigram,
    model: { ...unigram.model, vocab: [...unigram.model.vocab, ["b▁a", -1], ["b▁", -1]] },
  };
  const long = "ab b aab ".repeat(15_000).trimEnd();

  test("are cut in front of every mark of a space, as the reference does: no token crosses two words", () => {
    expect(encoded(crossing, "ab ab")).toEqual([6, 6]);
    const words = { ...crossing, pre_tokenizer: { type: "Sequence", pretokenizers: [crossing.pre_tokenizer] } };
    expect(encoded(words, "ab  ab")).toEqual([6, 2, 6]);
    const period = encoded(crossing, "ab b aab");
    const ids = made(crossing).encode(long);
    expect(ids).toHaveLength(15_000 * period.length);
    expect(ids.every((id, i) => id === period[i % period.length])).toBe(true);
    expect(made(crossing).decode(ids)).toBe(long);
  });

  const whole = { ...crossing, pre_tokenizer: { ...crossing.pre_tokenizer, split: false } };

  test("stay in one piece where the file says so: tokens may cross words, and many of them are no error", () => {
    // ▁a + b▁a + b costs 7 + 1 + 3, two times ▁ab 9.
    expect(encoded(whole, "ab ab")).toEqual([6, 6]);
    // ▁ + b▁a + b costs 7, ▁ + b▁ + ab 8, ▁ + b + ▁ab 10.5.
    expect(encoded(whole, "b ab")).toEqual([2, 8, 4]);
    const plain = { ...unigram, pre_tokenizer: whole.pre_tokenizer };
    const text = Array(70_000).fill("b").join(" ");
    const ids = made(plain).encode(text);
    expect(ids).toHaveLength(140_000);
    expect(ids).toEqual(made(unigram).encode(text));
  });

  test("of more than a megabyte in one piece are refused", () => {
    expect(() => made(whole).encode(`b${"ab".repeat(2 ** 19)}`)).toThrow(
      /t\.json: expected a tokenizer that cuts .* or texts of at most 1048576 characters, got 1048577 characters in one piece\. .*\[E_TOKENIZER_TEXT\]/,
    );
  });
});

describe("bits per byte stay exact", () => {
  test("a tokenizer whose ids do not give the text back is refused, with the place and its unknown tokens", () => {
    const tried = (json: unknown, text: string) => () => assertLossless(made(json), ["we", text], "corpus");
    expect(tried(wordPiece, "we play")).not.toThrow();
    expect(tried(wordPiece, "We play")).toThrow(
      /corpus, text 2: .*"we play" for "We play" at character 0, 0 unknown of 2/,
    );
    expect(tried(wordPiece, "we plays")).toThrow(/1 unknown of 2 tokens\..*\[E_TOKENIZER_LOSSY\]/);
    expect(() => assertLossless(made(byteLevel), ["né 🙂", " the\n\n"], "corpus")).not.toThrow();
  });

  test("text that has no token, where there is none for the unknown, is refused and not dropped", () => {
    const words = { model: { type: "WordLevel", vocab: { a: 0 } }, pre_tokenizer: { type: "WhitespaceSplit" } };
    expect(encoded(words, "a a")).toEqual([0, 0]);
    expect(() => made(words).encode("a b")).toThrow("[E_TOKENIZER_UNKNOWN]");
  });
});

describe("files that are refused", () => {
  const bpe = (change: object) => ({ ...byteLevel, model: { ...byteLevel.model, ...change } });
  test.each<[string, unknown, RegExp]>([
    ["no object", [], /t\.json: expected object/],
    ["no model", { ...byteLevel, model: undefined }, /t\.json\.model/],
    ["a model of another kind", bpe({ type: "Magic" }), /t\.json\.model\.type/],
    ["ids with a gap", bpe({ vocab: { ...byteLevel.model.vocab, zz: 999 } }), /none with id 261 among 1000/],
    [
      "an id twice",
      bpe({ vocab: { ...byteLevel.model.vocab, zz: 5 } }),
      /one id a token and one token an id, got "zz" with id 5/,
    ],
    ["a negative id", bpe({ vocab: { a: -1 } }), /t\.json\.model\.vocab\.a/],
    ["an id beyond all bounds", bpe({ vocab: { a: 2 ** 31 } }), /t\.json\.model\.vocab\.a/],
    ["no tokens", { model: { type: "BPE", vocab: {}, merges: [] } }, /got no token/],
    ["a merge of what is no token", bpe({ merges: ["q zz"] }), /t\.json\.model\.merges\[0\]: .* got "q zz"/],
    ["a merge of three", bpe({ merges: ["t h e"] }), /merges\[0\]/],
    ["an unknown token that is none", bpe({ unk_token: "<huh>" }), /t\.json\.model\.unk_token: .* got "<huh>"/],
    ["an unknown id that is none", { ...unigram, model: { ...unigram.model, unk_id: 8 } }, /t\.json\.model\.unk_id/],
    [
      "an added token in the place of another",
      { ...byteLevel, added_tokens: [special(7, "<new>")] },
      /added_tokens\[0\]/,
    ],
    [
      "dropout of merges",
      bpe({ dropout: 0.1 }),
      /t\.json\.model\.dropout: expected no dropout of merges, got dropout\./,
    ],
    [
      "bytes in Unigram, which the library lacks",
      { ...unigram, model: { ...unigram.model, byte_fallback: true } },
      /byte_fallback/,
    ],
    [
      "parts that the library lacks",
      { ...byteLevel, pre_tokenizer: { type: "UnicodeScripts" } },
      /Unknown PreTokenizer type: UnicodeScripts/,
    ],
    ["a part that is no part", { ...byteLevel, decoder: 5 }, /t\.json\.decoder/],
  ])("%s", (_, json, message) => {
    expect(() => made(json)).toThrow(message);
    expect(() => made(json)).toThrow("[E_TOKENIZER]");
  });

  test("what is no JSON, is missing, is a folder, or is larger than any", () => {
    const opened = (path: string) => () => fitTokenizer("", { kind: "file", path });
    const path = join(folder, "tokenizer.json");
    writeFileSync(path, JSON.stringify(byteLevel));
    expect(opened(path)().size).toBe(261);
    writeFileSync(path, "{");
    expect(opened(path)).toThrow(/tokenizer\.json: expected JSON, .*\[E_TOKENIZER_FILE\]/);
    truncateSync(path, 64 * 2 ** 20 + 1);
    expect(opened(path)).toThrow(/expected at most 64 MiB, got 67108865 bytes\. \[E_TOKENIZER_FILE\]/);
    expect(opened(folder)).toThrow(/expected a file, got something else/);
    expect(opened(join(folder, "none.json"))).toThrow("[E_TOKENIZER_FILE]");
  });
});
