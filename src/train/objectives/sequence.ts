import type { Model } from "../../model/index.ts";
import { softmaxCrossEntropy, type Tensor } from "../../tensor/index.ts";
import type { EvaluationFeed, EvaluationWindows, Objective } from "./objective.ts";
import { weightedMean } from "./token-loss.ts";

/** One answer a sequence, exact: its windows are fed as they are. */
const wholeSequences = {
  bound: "exact",
  masked: true,
  draws: () => 1,
  feed: ({ inputs, targets, count }: EvaluationWindows): EvaluationFeed => ({
    ids: inputs,
    targets,
    weights: new Float32Array(count).fill(1),
  }),
} as const;

/** Mean over sequences of −log p(class), with smoothed targets where asked for: logits [B, C], targets i32 [B]. */
export const classification: Objective = {
  kind: "classification",
  ...wholeSequences,
  train({ model }, { inputs_BT, targets_BT, weights_BT }, context) {
    const result = model.forward(inputs_BT, context);
    const epsilon = model.spec.objective["labelSmoothing"] as number;
    const nats_B = softmaxCrossEntropy(result.logits, targets_BT);
    const uniform_B = result.logits.logSoftmax(-1).mean(-1).neg();
    const smoothed_B = epsilon === 0 ? nats_B : nats_B.mul(1 - epsilon).add(uniform_B.mul(epsilon));
    return { loss: weightedMean(smoothed_B, weights_BT), result };
  },
};

/** Mean over sequences and values of a distance: outputs and targets f32 [B, C]. */
export const regression: Objective = {
  kind: "regression",
  ...wholeSequences,
  values: true,
  train({ model }, { inputs_BT, targets_BT, weights_BT }, context) {
    const result = model.forward(inputs_BT, context);
    return { loss: weightedMean(distanceOf(result.logits, targets_BT, model), weights_BT), result };
  },
  cost: (outputs, targets, { model }) => distanceOf(outputs, targets, model),
};

/** Mean over a sequence's values: [B, C] → [B]. */
function distanceOf(outputs: Tensor, targets: Tensor, { spec }: Model): Tensor {
  return distances[spec.objective["distance"] as keyof typeof distances](outputs.sub(targets)).mean(-1);
}

/** Of an error e: its square, its size, or Huber 1964 with δ = 1. */
const distances = {
  squared: (e: Tensor) => e.square(),
  absolute: (e: Tensor) => e.abs(),
  huber: (e: Tensor) =>
    e
      .abs()
      .minimum(1)
      .mul(e.abs().sub(e.abs().minimum(1).mul(0.5))),
} as const;
