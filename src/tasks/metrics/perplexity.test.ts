import { describe, expect, it } from "vitest";
import { runReference } from "../../engine/index.ts";
import { crossEntropy } from "../../ops/index.ts";
import { input } from "../../tensor/index.ts";
import { bitsPerCharacter, predictionScores } from "./perplexity.ts";

describe("perplexity", () => {
  it("[perplexity-bpc] is the vocabulary of a uniform model", () => {
    for (const entries of [2, 27, 256]) {
      // A model whose logits are all equal, whatever they are.
      const logits = input("logits", [4, entries]);
      const targets = input("targets", [4], "i32");
      const losses = crossEntropy(logits, targets, { reduction: "none" });
      const feeds = { logits: Array(4 * entries).fill(0.7), targets: [0, 1, entries - 1, 1] };
      const scores = predictionScores(runReference([losses], feeds));
      expect(scores.perplexity).toBeCloseTo(entries, 9);
      expect(scores.bitsPerToken).toBeCloseTo(Math.log2(entries), 12);
    }
  });

  it("[perplexity-bpc] bits are nats / ln 2", () => {
    expect(predictionScores([[Math.LN2, 3 * Math.LN2]]).bitsPerToken).toBeCloseTo(2, 12);
    expect(bitsPerCharacter({ nats: 6 * Math.LN2, characters: 4 })).toBeCloseTo(1.5, 12);
  });

  it("[perplexity-bpc] weighs tokens, not batches, where batches are ragged", () => {
    const ragged = predictionScores([[1], [4, 4, 4], [], new Float32Array([2])]);
    expect(ragged).toMatchObject({ tokens: 5, natsPerToken: 3 });
    expect(ragged.perplexity).toBeCloseTo(Math.exp(3), 9);
  });

  it("refuses texts without tokens or characters", () => {
    expect(() => predictionScores([[]])).toThrow("[E_METRIC_INPUT]");
    expect(() => bitsPerCharacter({ nats: 1, characters: 0 })).toThrow("[E_METRIC_INPUT]");
  });
});
