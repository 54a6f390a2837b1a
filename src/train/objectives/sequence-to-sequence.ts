import { withAheadLosses } from "./ahead.ts";
import type { Objective } from "./objective.ts";
import { tokenLoss } from "./token-loss.ts";

/** Mean over target tokens of −log p(next | before, source), with smoothed targets where asked for (Sutskever et al. 2014). */
export const sequenceToSequence: Objective = {
  kind: "sequence-to-sequence",
  bound: "exact",
  masked: false,
  train({ model }, batch, context) {
    const result = model.forward(batch.inputs_BT, { ...context, ...(batch.source && { from: batch.source }) });
    const smoothing = model.spec.objective["labelSmoothing"] as number;
    return { loss: tokenLoss(result.logits, batch, smoothing), result: withAheadLosses(result, batch, smoothing) };
  },
  draws: () => 1,
  feed: ({ inputs, targets, mask }) => ({ ids: inputs, targets, weights: Float32Array.from(mask) }),
};
