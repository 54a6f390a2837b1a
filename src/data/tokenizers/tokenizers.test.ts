import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { trainBpe } from "./bpe.ts";
import { byteTokenizer } from "./byte.ts";
import { fitCharTokenizer } from "./char.ts";
import { fitTokenizer, tokenizerFromJSON } from "./fit.ts";
import type { Tokenizer } from "./tokenizer.ts";

const training =
  "Call me Ishmael. Some years ago—never mind how long precisely—having little or no money. Œuvre 日本語 日本 🙂🙂 \n\n  two";

const tokenizers: [string, Tokenizer][] = [
  ["byte", byteTokenizer],
  ["char", fitCharTokenizer(training)],
  ["bpe", trainBpe(training.repeat(3), { entries: 320 })],
];

/** Any Unicode text, half of it made of what the tokenizers were fitted on. */
const anyText = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(...training.split(" "), " ", "\n ", "\ufeff", "\u0085", "'ll"),
    ),
  )
  .map((parts) => parts.join(""));

describe.each(tokenizers)("%s tokenizer", (kind, tokenizer) => {
  test("[tokenizer] decode of encode is the text, whatever Unicode it is", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const ids = tokenizer.encode(text);
        expect(ids).toBeInstanceOf(Int32Array);
        expect(ids.every((id) => id >= 0 && id < tokenizer.size)).toBe(true);
        expect(tokenizer.decode(ids)).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  test("[tokenizer] streamed decoding gives the same text in whole characters", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const stream = tokenizer.streamDecoder();
        const parts = Array.from(tokenizer.encode(text), (id) => stream.push(id));
        expect(parts.every((part) => part.isWellFormed())).toBe(true);
        expect([...parts, stream.end()].join("")).toBe(text);
        expect(stream.end()).toBe("");
      }),
    );
  });

  test("streamed decoding waits for a character's last byte, and ends an unfinished one with U+FFFD", () => {
    const stream = tokenizer.streamDecoder();
    expect([0xf0, 0x9f, 0x90, 0x8b, 0x41].map((byte) => stream.push(byte))).toEqual(["", "", "", "🐋", "A"]);
    stream.push(0xf0);
    expect(stream.end()).toBe("\ufffd");
    expect(stream.push(0x41)).toBe("A");
  });

  test("lone halves of surrogate pairs become U+FFFD; so do ids that make no UTF-8", () => {
    expect(tokenizer.decode(tokenizer.encode("a\ud800b"))).toBe("a\ufffdb");
    expect(tokenizer.decode([0x61, 0xff, 0x62])).toBe("a\ufffdb");
  });

  test("refuses numbers that are no ids", () => {
    for (const id of [-1, tokenizer.size, 1.5, Number.NaN]) {
      expect(() => tokenizer.decode([id])).toThrow("[E_TOKEN_ID]");
      expect(() => tokenizer.streamDecoder().push(id)).toThrow(
        `token id: expected 0 … ${tokenizer.size - 1}, got ${id}`,
      );
    }
  });

  test("goes through JSON unchanged", () => {
    const json = JSON.stringify(tokenizer);
    const again = tokenizerFromJSON(JSON.parse(json));
    expect(JSON.stringify(again)).toBe(json);
    expect({ kind: again.kind, size: again.size }).toEqual({ kind, size: tokenizer.size });
    expect(again.encode(training)).toEqual(tokenizer.encode(training));
  });
});

describe("characters", () => {
  test("ASCII keeps its bytes, seen characters have one id each, unseen ones fall back to bytes", () => {
    const tokenizer = fitCharTokenizer("béta 🙂 β éé");
    expect(tokenizer.toJSON()).toEqual({ kind: "char", characters: "éβ🙂" });
    expect(tokenizer.size).toBe(259);
    expect([...tokenizer.encode("bé🙂ü")]).toEqual([98, 256, 258, 0xc3, 0xbc]);
  });
});

describe("choices and stored tokenizers", () => {
  test("a choice is fitted", () => {
    expect(fitTokenizer("ab", { kind: "byte" })).toBe(byteTokenizer);
    expect(fitTokenizer("äb", { kind: "char" }).size).toBe(257);
    expect(fitTokenizer("abab abab", { kind: "bpe", entries: 257 }).size).toBe(257);
  });

  test.each<[string, unknown, string]>([
    ["nothing", undefined, "tokenizer: "],
    ["another kind", { kind: "word" }, "tokenizer.kind: "],
    ["an unknown key", { kind: "byte", extra: 1 }, 'tokenizer: expected known keys only, got "extra"'],
    ["characters in disorder", { kind: "char", characters: "βé" }, "tokenizer.characters[1]: "],
    ["an ASCII character", { kind: "char", characters: "a" }, "tokenizer.characters[0]: "],
    ["a repeated character", { kind: "char", characters: "éé" }, "tokenizer.characters[1]: "],
    ["half a surrogate pair", { kind: "char", characters: "\ud83d" }, "tokenizer.characters[0]: "],
    ["a merge of three", { kind: "bpe", merges: [[1, 2, 3]] }, "tokenizer.merges[0]"],
    ["a merge of text", { kind: "bpe", merges: [["a", "b"]] }, "tokenizer.merges[0][0]: expected number, got string"],
    ["an id from the future", { kind: "bpe", merges: [[97, 256]] }, "tokenizer.merges[0]: "],
    ["a negative id", { kind: "bpe", merges: [[-1, 0]] }, "tokenizer.merges[0][0]: "],
    [
      "the same pair twice",
      {
        kind: "bpe",
        merges: [
          [1, 2],
          [1, 2],
        ],
      },
      "tokenizer.merges[1]: ",
    ],
    [
      "entries that double",
      { kind: "bpe", merges: Array.from({ length: 60 }, (_, i) => (i ? [255 + i, 255 + i] : [1, 1])) },
      "tokenizer.merges[10]: ",
    ],
  ])("%s is refused, naming the place", (_, value, message) => {
    expect(() => tokenizerFromJSON(value)).toThrow(message);
    expect(() => tokenizerFromJSON(value)).toThrow("[E_TOKENIZER]");
  });

  test("any value is a tokenizer or a clear error", () => {
    const ids = fc.integer({ min: -1, max: 300 });
    const nearly = fc.record({
      kind: fc.constantFrom("byte", "char", "bpe"),
      characters: fc.string({ unit: "binary" }),
      merges: fc.array(fc.tuple(ids, ids)),
    });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          nearly,
          nearly.map(({ kind, merges }) => ({ kind, merges })),
        ),
        (value) => {
          try {
            const tokenizer = tokenizerFromJSON(value);
            expect(tokenizer.decode(tokenizer.encode(training))).toBe(training);
          } catch (error) {
            expect(error).toMatchObject({ name: "SeqlabError", fault: { code: "E_TOKENIZER" } });
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
