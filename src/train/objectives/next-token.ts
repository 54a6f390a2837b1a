import { softmaxCrossEntropy, type Tensor } from "../../tensor/index.ts";
import type { Objective } from "./objective.ts";

/** Mean over tokens of −log p(next | before), with smoothed targets where asked for (Szegedy et al. 2016, section 7). */
export const nextToken: Objective = {
  kind: "next-token",
  bound: "exact",
  masked: false,
  train({ model }, { inputs_BT, targets_BT }, context) {
    const result = model.forward(inputs_BT, context);
    const smoothing = model.spec.objective["labelSmoothing"] as number;
    const nats = softmaxCrossEntropy(result.logits, targets_BT).mean();
    return {
      loss: smoothing === 0 ? nats : nats.mul(1 - smoothing).add(uniformLoss(result.logits).mul(smoothing)),
      result,
    };
  },
  draws: () => 1,
  feed: ({ inputs, targets, mask }) => ({ ids: inputs, targets, weights: Float32Array.from(mask) }),
};

/** Cross entropy against the uniform distribution. */
const uniformLoss = (logits: Tensor): Tensor => logits.logSoftmax(-1).mean().neg();
