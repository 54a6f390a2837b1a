import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { commonLength, commonPositions } from "./common-subsequence.ts";
import { porterStem } from "./porter-stemmer.ts";
import { rouge } from "./rouge.ts";

const one = (hypothesis: string, ...references: string[]) => ({ hypotheses: [hypothesis], references: [references] });

describe("ROUGE", () => {
  it("equals Lin's example", () => {
    // W04-1013, section 3.1: "police kill the gunman" against "police killed the gunman": LCS 3 of 4.
    expect(rouge(one("police kill the gunman", "police killed the gunman")).rougeL!.f).toBeCloseTo(0.75, 12);
    expect(rouge(one("the gunman kill police", "police killed the gunman")).rougeL!.f).toBeCloseTo(0.5, 12);
    expect(rouge(one("the gunman police killed", "police killed the gunman")).rouge2!.f).toBeCloseTo(2 / 3, 12);
  });

  it("averages segments, each against its best reference", () => {
    const text = { hypotheses: ["a b", "c d"], references: [["x y", "a b"], ["c x"]] };
    expect(rouge(text, { kinds: ["rouge1"] }).rouge1!.f).toBeCloseTo(0.75, 12);
  });

  it("is 0 without words", () => {
    expect(rouge(one("", "a")).rougeL).toEqual({ precision: 0, recall: 0, f: 0 });
    expect(rouge(one("犬", "犬"), { kinds: ["rougeLsum"] }).rougeLsum!.f).toBe(0);
  });

  it("refuses unknown kinds", () => {
    expect(() => rouge(one("a", "a"), { kinds: ["rouge0"] })).toThrow("[E_SCORE_OPTION]");
  });

  it("finds positions of a common subsequence of the greatest length", () => {
    const items = fc.array(fc.nat(3), { maxLength: 12 }).map((list) => Int32Array.from(list));
    fc.assert(
      fc.property(items, items, (a, b) => {
        const positions = commonPositions(a, b);
        expect(positions).toHaveLength(commonLength(a, b));
        let from = 0;
        for (const at of positions) {
          from = b.indexOf(a[at]!, from) + 1;
          expect(from).toBeGreaterThan(0);
        }
      }),
    );
  });

  it.each([
    ["caresses", "caress"],
    ["ponies", "poni"],
    ["ties", "tie"],
    ["agreed", "agre"],
    ["plastered", "plaster"],
    ["hopping", "hop"],
    ["filing", "file"],
    ["conflated", "conflat"],
    ["happy", "happi"],
    ["enjoy", "enjoy"],
    ["relational", "relat"],
    ["rationally", "ration"],
    ["generalization", "gener"],
    ["geology", "geolog"],
    ["hopefulness", "hope"],
    ["adoption", "adopt"],
    ["controlling", "control"],
    ["skies", "sky"],
    ["succeed", "succeed"],
    ["sensibility", "sensibl"],
  ])("stems %s to %s", (word, stem) => {
    expect(porterStem(word)).toBe(stem);
  });

  it("stems long words in linear time", () => {
    for (const word of ["a".repeat(2e5), "y".repeat(2e5), "ay".repeat(1e5)])
      expect(porterStem(`${word}ing`).length).toBeLessThanOrEqual(word.length + 3);
  });
});
