import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ter } from "./ter.ts";
import { terWords } from "./ter-normalise.ts";
import { terEdits } from "./ter-shifts.ts";

const words = (text: string): string[] => text.split(" ");

describe("TER", () => {
  it("counts a moved block as one edit", () => {
    expect(terEdits(words("c d a b"), words("a b c d"))).toBe(1);
    expect(terEdits(words("x c d a b"), words("a b c d"))).toBe(2);
  });

  it("takes the nearest reference and the mean length of all", () => {
    const score = ter({ hypotheses: ["a b c"], references: [["x y z w u", "a b d"]] });
    expect(score).toMatchObject({ edits: 1, referenceWords: 4, score: 25 });
  });

  it("never exceeds the edits without shifts, and is 0 for equal texts only", () => {
    const text = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 12 });
    fc.assert(
      fc.property(text, text, (h, r) => {
        const edits = terEdits(h, r);
        expect(edits).toBeLessThanOrEqual(distance(h, r));
        expect(edits === 0).toBe(h.join(" ") === r.join(" "));
      }),
      { numRuns: 300 },
    );
  });

  it("keeps to the diagonal but reaches the corner, however different the lengths", () => {
    const long = Array.from({ length: 400 }, (_, i) => `w${i}`);
    expect(terEdits(["w300"], long)).toBe(399);
    // Tercom's beam does not see a word so far from the diagonal.
    expect(terEdits(["w7"], long)).toBe(400);
    expect(terEdits(long, ["w7"])).toBe(399);
    expect(terEdits(["w100", "w200", "w350"], long)).toBe(397);
  });

  it("ends soon on repetitive input", () => {
    expect(terEdits(Array(600).fill("a"), words("a b ".repeat(300).trim()))).toBe(300);
  });

  it("normalises as tercom", () => {
    expect(terWords("The dog's &quot;1,5&quot;.", { normalised: true })).toEqual(words(`the dog 's " 1,5 " .`));
    expect(terWords("A, b!", { withoutPunctuation: true, caseSensitive: true })).toEqual(["A", "b"]);
    expect(terWords("犬だ。", { normalised: true, asianSupport: true })).toEqual(["犬", "だ", "。"]);
  });

  it("gives 100 where there is nothing to say but something is said", () => {
    expect(ter({ hypotheses: ["a"], references: [[""]] }).score).toBe(100);
    expect(ter({ hypotheses: [""], references: [[""]] }).score).toBe(0);
  });
});

/** Levenshtein distance as its recurrence. */
function distance(a: readonly string[], b: readonly string[]): number {
  const memo = new Map<string, number>();
  const of = (i: number, j: number): number => {
    if (i === 0 || j === 0) return i + j;
    const key = `${i},${j}`;
    const known = memo.get(key);
    if (known !== undefined) return known;
    const value = Math.min(of(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1), of(i - 1, j) + 1, of(i, j - 1) + 1);
    memo.set(key, value);
    return value;
  };
  return of(a.length, b.length);
}
