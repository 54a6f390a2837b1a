import type { FurtherLogits, ModelResult } from "../../model/index.ts";
import { fail } from "../../tensor/index.ts";
import type { TracedBatch } from "./objective.ts";
import { tokenLoss } from "./token-loss.ts";

/**
 * The model's result with the losses of its further heads: of a head n tokens ahead, the mean of −log p over the positions
 * whose n-th coming token is known (Gloeckle et al. 2024, eq. 2), f32 []. Throws E_TRAIN_AHEAD where no position is.
 */
export function withAheadLosses(result: ModelResult, batch: TracedBatch, smoothing: number): ModelResult {
  const { ahead = [], losses } = result;
  return {
    ...result,
    losses: [
      ...losses,
      ...ahead.map((one) => ({
        name: `ahead-${one.ahead}`,
        value: aheadLoss(one, batch, smoothing),
        weight: one.weight,
      })),
    ],
  };
}

function aheadLoss({ logits, ahead }: FurtherLogits, { targets_BT, weights_BT }: TracedBatch, smoothing: number) {
  const [T, skipped] = [targets_BT.dim(1), ahead - 1];
  if (skipped >= T)
    fail({
      code: "E_TRAIN_AHEAD",
      where: "length",
      expected: `sequences of more than ${skipped} tokens, for a head ${ahead} tokens ahead`,
      got: String(T),
    });
  const targets = { targets_BT: targets_BT.slice(1, skipped, T), weights_BT: weights_BT?.slice(1, skipped, T) };
  return tokenLoss(logits.slice(1, 0, T - skipped), targets, smoothing);
}
