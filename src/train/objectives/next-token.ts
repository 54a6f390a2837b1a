import { withAheadLosses } from "./ahead.ts";
import type { Objective } from "./objective.ts";
import { tokenLoss } from "./token-loss.ts";

/** Mean over tokens of −log p(next | before), with smoothed targets where asked for. */
export const nextToken: Objective = {
  kind: "next-token",
  bound: "exact",
  masked: false,
  train({ model }, batch, context) {
    const smoothing = model.spec.objective["labelSmoothing"] as number;
    const result = model.forward(batch.inputs_BT, context);
    return { loss: tokenLoss(result.logits, batch, smoothing), result: withAheadLosses(result, batch, smoothing) };
  },
  draws: () => 1,
  feed: ({ inputs, targets, mask }) => ({ ids: inputs, targets, weights: Float32Array.from(mask) }),
};
