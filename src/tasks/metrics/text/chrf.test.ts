import { describe, expect, it } from "vitest";
import { chrf } from "./chrf.ts";

const one = (hypothesis: string, ...references: string[]) => ({ hypotheses: [hypothesis], references: [references] });

describe("chrF", () => {
  it("equals an example worked by hand", () => {
    // Characters: 2 of 3 against 2 of 4; pairs: 1 of 2 against 1 of 3. P = 7/12, R = 5/12, F₂ = 5PR / (4P + R).
    const [p, r] = [(2 / 3 + 1 / 2) / 2, (2 / 4 + 1 / 3) / 2];
    expect(chrf(one("abx", "abcd"), { charOrder: 2 }).score).toBeCloseTo((100 * 5 * p * r) / (4 * p + r), 10);
  });

  it("is 100 for identical texts and 0 without a shared character", () => {
    expect(chrf(one("Grüße 🙂", "Grüße 🙂")).score).toBeCloseTo(100, 10);
    expect(chrf(one("abc", "xyz")).score).toBe(0);
    expect(chrf(one("", "xyz")).score).toBe(0);
  });

  it("counts characters, not UTF-16 units", () => {
    expect(chrf(one("🙂", "🙃"), { charOrder: 1 }).score).toBe(0);
  });

  it("keeps the reference with the best score", () => {
    expect(chrf(one("abc", "xyz", "abc")).score).toBe(100);
  });

  it("splits one sign off a word for chrF++, and says so in its name", () => {
    const score = chrf(one("yes.", "yes !"), { charOrder: 1, wordOrder: 1, beta: 1 });
    // Characters 3 of 4 both ways; words "yes" "." against "yes" "!": 1 of 2 both ways.
    expect(score.score).toBeCloseTo((100 * (3 / 4 + 1 / 2)) / 2, 10);
    expect(score.name).toBe("chrF1+");
    expect(score.signature).toBe("nrefs:1|case:mixed|eff:yes|nc:1|nw:1|space:no|version:2.6.0");
  });

  it("refuses impossible settings", () => {
    expect(() => chrf(one("a", "a"), { charOrder: 0 })).toThrow("[E_SCORE_OPTION]");
    expect(() => chrf(one("a", "a"), { beta: 0 })).toThrow("[E_SCORE_OPTION]");
  });
});
