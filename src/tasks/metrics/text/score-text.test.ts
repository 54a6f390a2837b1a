import { describe, expect, it } from "vitest";
import { scoreSegments, scoreText, textMetrics } from "./score-text.ts";

const text = {
  hypotheses: ["the cat sat on the mat", "Hello there"],
  references: [["the cat is on the mat"], ["hello"]],
};

describe("scores of a text", () => {
  it("name every metric, its direction and its signature", () => {
    const scores = scoreText(text);
    expect(scores.map(({ name, better }) => `${name} ${better}`)).toEqual([
      "BLEU higher",
      "chrF2 higher",
      "chrF2++ higher",
      "TER lower",
      "WER lower",
      "CER lower",
      "ROUGE-1 higher",
      "ROUGE-2 higher",
      "ROUGE-L higher",
    ]);
    for (const { signature, score } of scores) {
      expect(signature).toMatch(/^nrefs:1\|case:(mixed|lc)\|.*\|version:[\w.-]+$/);
      expect(score).toBeGreaterThanOrEqual(0);
    }
  });

  it("are in percent", () => {
    // 1 of 6 words, then 2 edits of 1 word: 3 of 7.
    expect(scoreText(text, { metrics: ["wer"] })[0]!.score).toBeCloseTo(300 / 7, 12);
    // The mean of 5/6 and 2/3.
    expect(scoreText(text, { metrics: ["rouge"] })[0]!.score).toBeCloseTo(75, 12);
  });

  it("ignore case where asked, and say so", () => {
    const [wer] = scoreText(text, { metrics: ["wer"], lowercase: true });
    expect(wer).toMatchObject({
      score: expect.closeTo(200 / 7, 12),
      signature: "nrefs:1|case:lc|unit:word|version:jiwer-4.0.0",
    });
  });

  it("name BLEU of other orders", () => {
    expect(scoreText(text, { metrics: ["bleu"], bleu: { maxOrder: 2 } })[0]!.name).toBe("BLEU-2");
  });

  it("are given for each segment too", () => {
    const segments = scoreSegments(text, { metrics: ["wer", "ter"] });
    expect(segments.map((scores) => scores.map(({ score }) => score))).toEqual([
      [expect.closeTo(100 / 6, 12), expect.closeTo(100 / 6, 12)],
      [200, 100],
    ]);
  });

  it("are perfect for what is identical", () => {
    const same = { hypotheses: ["a quick brown fox jumps"], references: [["a quick brown fox jumps"]] };
    for (const { name, score, better } of scoreText(same, { metrics: textMetrics }))
      expect(score, name).toBeCloseTo(better === "higher" ? 100 : 0, 9);
  });
});
