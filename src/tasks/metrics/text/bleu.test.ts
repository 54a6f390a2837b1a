import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bleu, bleuWords } from "./bleu.ts";
import type { BleuTokenizer } from "./bleu-tokenizers.ts";

const one = (hypothesis: string, ...references: string[]) => ({ hypotheses: [hypothesis], references: [references] });

describe("BLEU", () => {
  it("[bleu] equals examples worked by hand", () => {
    // Papineni et al. 2002, example 2: "the" is clipped at the 2 of the first reference.
    const clipped = bleu(one("the the the the the the the", "the cat is on the mat", "there is a cat on the mat"));
    expect(clipped).toMatchObject({
      matches: [2, 0, 0, 0],
      totals: [7, 6, 5, 4],
      hypothesisWords: 7,
      referenceWords: 7,
    });
    expect(clipped.precisions[0]).toBeCloseTo(200 / 7, 12);

    // 5 of 6 words, 3 of 5 pairs, 1 of 4 triples, 0 of 3: exp smoothing gives the last order 1/2 of a match.
    const mat = bleu(one("the cat sat on the mat", "the cat is on the mat"));
    expect(mat.score).toBeCloseTo(100 * ((5 / 6) * (3 / 5) * (1 / 4) * (0.5 / 3)) ** (1 / 4), 10);
    expect(mat.brevityPenalty).toBe(1);

    // Two segments are pooled before the ratio is taken: 4 of 4 and 1 of 2 words are 5 of 6; BP = e^(1 − 8/6).
    const pooled = bleu({ hypotheses: ["a b c d", "e f"], references: [["a b c d"], ["e g h i"]] }, { maxOrder: 1 });
    expect(pooled.score).toBeCloseTo(100 * Math.exp(1 - 8 / 6) * (5 / 6), 10);
  });

  it("[bleu] is 100 for identical texts of at least four words", () => {
    const text = fc.array(fc.array(fc.stringMatching(/^[a-z]{1,5}$/), { minLength: 4, maxLength: 9 }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(text, (segments) => {
        const lines = segments.map((words) => words.join(" "));
        expect(bleu({ hypotheses: lines, references: lines.map((line) => [line]) }).score).toBeCloseTo(100, 9);
      }),
    );
  });

  it("takes the shorter of two references that are as near", () => {
    expect(bleu(one("a b c", "a b c d", "a b")).referenceWords).toBe(2);
  });

  it("is 0 without a match, whatever the smoothing", () => {
    for (const kind of ["none", "exp", "floor", "add-k"] as const)
      expect(bleu(one("x y", "a b"), { smoothing: { kind } }).score).toBe(0);
  });

  it("names what decides the score", () => {
    const options = { lowercase: true, effectiveOrder: true, smoothing: { kind: "floor", value: 0.25 } } as const;
    expect(bleu(one("a", "a", "b"), options).signature).toBe(
      "nrefs:2|case:lc|eff:yes|tok:13a|smooth:floor[0.25]|version:2.6.0",
    );
    const varied = { hypotheses: ["a", "a"], references: [["a"], ["a", "b"]] };
    expect(bleu(varied).signature).toContain("nrefs:var|");
  });

  it.each<[BleuTokenizer, string, string[]]>([
    ["none", "Don't stop, 3.5!", ["Don't", "stop,", "3.5!"]],
    ["13a", "Don't stop, 3.5-4 &amp; «x»!", ["Don't", "stop", ",", "3.5", "-", "4", "&", "«x»", "!"]],
    ["intl", "Don't stop, 3.5 «x»€", ["Don", "'", "t", "stop", ",", "3.5", "«", "x", "»", "€"]],
    ["char", "ab 🙂", ["a", "b", "🙂"]],
    ["zh", "我有3.5元。ok", ["我", "有", "3.5", "元", "。", "ok"]],
  ])("splits with %s", (tokenizer, text, words) => {
    expect(bleuWords(text, { tokenizer })).toEqual(words);
  });

  it("refuses what cannot be scored, and says why", () => {
    expect(() => bleu({ hypotheses: [], references: [] })).toThrow("[E_SCORE_TEXT]");
    expect(() => bleu({ hypotheses: ["a"], references: [] })).toThrow("expected references of 1 segments");
    expect(() => bleu({ hypotheses: ["a"], references: [[]] })).toThrow(
      "references[0]: expected at least one reference",
    );
    expect(() => bleu(one("a", "a"), { maxOrder: 0 })).toThrow("[E_SCORE_OPTION]");
    expect(() => bleu(one("a", "a"), { smoothing: { kind: "floor", value: -1 } })).toThrow("[E_SCORE_OPTION]");
  });

  it("stays linear on hostile lines", () => {
    const lines = [
      " ".repeat(2e5).concat("x", " ".repeat(2e5), "y"),
      ".".repeat(2e5),
      "1,".repeat(1e5),
      "-&amp;".repeat(5e4),
    ];
    for (const line of lines)
      for (const tokenizer of ["13a", "intl", "zh", "char"] as const)
        expect(bleuWords(line, { tokenizer }).length).toBeGreaterThan(0);
  });
});
