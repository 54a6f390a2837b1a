import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countEdits } from "./edit-counts.ts";
import { errorRates, positionIndependentErrorRate } from "./error-rates.ts";
import { characters, numberWords, splitWords } from "./words.ts";

const one = (hypothesis: string, ...references: string[]) => ({ hypotheses: [hypothesis], references: [references] });

/** The whole table of Wagner & Fischer 1974. */
function tableDistance(a: readonly string[], b: readonly string[]): number {
  const table = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (_, j) => i + j));
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++)
      table[i]![j] = Math.min(
        table[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
        table[i - 1]![j]! + 1,
        table[i]![j - 1]! + 1,
      );
  return table[a.length]![b.length]!;
}

describe("error rates", () => {
  const phrase = fc.array(fc.constantFrom("a", "b", "ä", "🙂", "犬", "ab"), { minLength: 1, maxLength: 12 });

  it("[wer-cer] words: equals the table of edit distances over the reference length", () => {
    fc.assert(
      fc.property(phrase, phrase, (h, r) => {
        const { rate, hits, substitutions, deletions } = errorRates(one(h.join(" "), r.join(" ")));
        expect(rate).toBeCloseTo(tableDistance(r, h) / r.length, 12);
        expect(hits + substitutions + deletions).toBe(r.length);
      }),
      { numRuns: 300 },
    );
  });

  it("[wer-cer] characters: equals the table of edit distances over the reference length", () => {
    fc.assert(
      fc.property(phrase, phrase, (h, r) => {
        const [hypothesis, reference] = [h.join(" "), r.join(" ")];
        const expected = tableDistance(characters(reference), characters(hypothesis)) / characters(reference).length;
        expect(errorRates(one(hypothesis, reference), { unit: "character" }).rate).toBeCloseTo(expected, 12);
      }),
      { numRuns: 300 },
    );
  });

  it("counts hits, and edits of each sort", () => {
    const [r, h] = numberWords([splitWords("the cat sat on the mat"), splitWords("so the cat sit on mat")]);
    expect(countEdits(r!, h!)).toEqual({ hits: 4, substitutions: 1, deletions: 1, insertions: 1 });
  });

  it("takes the nearest reference", () => {
    expect(errorRates(one("a b", "x y", "a c")).rate).toBe(0.5);
  });

  it("pools segments before dividing", () => {
    expect(errorRates({ hypotheses: ["a", "b b b"], references: [["x"], ["b b b"]] }).rate).toBe(0.25);
  });

  it("is 0 for two empty texts, infinite where the reference alone is empty", () => {
    expect(errorRates(one("", "")).rate).toBe(0);
    expect(errorRates(one("a", "")).rate).toBe(Number.POSITIVE_INFINITY);
    expect(errorRates(one("", "a b"))).toMatchObject({ rate: 1, deletions: 2, informationLost: 1 });
  });

  it("ignores order in the position-independent rate", () => {
    expect(positionIndependentErrorRate(one("c b a", "a b c"))).toBe(0);
    // 2 matches of 3 reference words, 4 said: (4 − 2) / 3.
    expect(positionIndependentErrorRate(one("a b x y", "a b c"))).toBeCloseTo(2 / 3, 12);
  });
});
