import { concat, iota, logSigmoid, type Tensor, where } from "../tensor/index.ts";

/** Ways from scores to weights other than softmax. */
export const attentionWeightings = ["sigmoid", "hard", "signed", "stick-breaking"] as const;
export type AttentionWeighting = (typeof attentionWeightings)[number];

interface Weighting {
  kind?: AttentionWeighting | undefined;
  /** One more logit per head in the softmax, whose weight is dropped: [H]. */
  sink_H?: Tensor | undefined;
}

/** Scores below this are hidden keys. */
const hidden = -1e29;
export const isHidden = (scores: Tensor): Tensor => scores.less(hidden);

/**
 * Weights [B, H, T, S] of masked scores (hidden keys at −1e30):
 * - softmax, with a sink or without
 * - sigmoid: each key by itself (Ramapuram et al. 2024)
 * - hard: 1 for the first of the largest scores; the gradient is softmax's
 * - signed: softmax of |score|, times the score's sign (Cog attention, Lv et al. 2024)
 * - stick-breaking: from the last key backwards each takes the share σ(score) of what is left (Tan et al. 2024)
 */
export function attentionWeights(scores: Tensor, { kind, sink_H }: Weighting): Tensor {
  switch (kind) {
    case undefined:
      return softmaxWithSink(scores, sink_H);
    case "sigmoid":
      return scores.sigmoid();
    case "hard":
      return straightThrough(oneHot(scores.argmax(-1), scores.dim(-1)), scores.softmax(-1));
    case "signed":
      return where(isHidden(scores), scores, scores.abs()).softmax(-1).mul(scores.sign());
    case "stick-breaking": {
      const left = logSigmoid(scores.neg()).cumsum(-1, { exclusive: true, reverse: true });
      return logSigmoid(scores).add(left).exp();
    }
  }
}

export function softmaxWithSink(scores: Tensor, sink_H: Tensor | undefined): Tensor {
  if (!sink_H) return scores.softmax(-1);
  const sink = sink_H.reshape([1, -1, 1, 1]).expand([...scores.shape.slice(0, -1), 1]);
  return concat(-1, [scores, sink]).softmax(-1).slice(-1, 0, -1);
}

const oneHot = (index: Tensor, size: number): Tensor => iota(size).equal(index.unsqueeze(-1)).cast("f32");

/** The value of one tensor with the gradient of another. */
export const straightThrough = (forward: Tensor, backward: Tensor): Tensor =>
  forward.stopGradient().add(backward.sub(backward.stopGradient()));

/** Scores below the k-th largest of their row hidden. `ranked` decides in their place where it is given. */
export function keepLargest(scores: Tensor, k: number, ranked: Tensor = scores): Tensor {
  if (k >= scores.dim(-1)) return scores;
  const order = where(isHidden(scores), -1e30, ranked.stopGradient());
  const least = order.topk(-1, k).values.slice(-1, -1);
  return where(order.greaterEqual(least), scores, -1e30);
}
