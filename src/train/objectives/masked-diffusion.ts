import type { Rng } from "../../ops/index.ts";
import { scalar, softmaxCrossEntropy, where } from "../../tensor/index.ts";
import type { EvaluationFeed, EvaluationWindows, Objective } from "./objective.ts";

/**
 * LLaDA (Nie et al. 2025, arXiv 2502.09992, eq. 3 and algorithm 1): t ~ U(0, 1) per sequence, p = (1 − ε)t + ε; each token
 * is masked with probability p; loss = Σ_masked −log p(x) / p, divided by B·L.
 * Evaluation: E over l ~ U{1 … L} of (L/l)·Σ over l masked tokens (algorithm 3; eq. 6), stratified in l, without ε.
 */
export const maskedDiffusion: Objective = {
  kind: "masked-diffusion",
  bound: "upper-bound",
  masked: true,
  train({ model, extraTokens }, { inputs_BT }, context) {
    const [B, T] = [inputs_BT.dim(0), inputs_BT.dim(1)];
    const epsilon = model.spec.objective["epsilon"] as number;
    const p_B1 = context.io
      .rng("objective.time")
      .uniform([B, 1])
      .mul(1 - epsilon)
      .add(epsilon);
    const masked_BT = context.io.rng("objective.mask").uniform([B, T]).less(p_B1);
    const noisy_BT = where(masked_BT, scalar(extraTokens["mask"]!, "i32"), inputs_BT);
    const result = model.forward(noisy_BT, context);
    const nats_BT = softmaxCrossEntropy(result.logits, inputs_BT);
    return { loss: where(masked_BT, nats_BT.div(p_B1), 0).mean(), result };
  },
  draws: ({ draws }) => draws,
  feed(windows, { extraTokens }, { draw, draws, rng }) {
    const feed: EvaluationFeed = {
      ids: windows.inputs.slice(),
      targets: windows.inputs,
      weights: new Float32Array(windows.inputs.length),
    };
    for (let w = 0; w < windows.count; w++)
      maskWindow(feed, {
        windows,
        w,
        mask: extraTokens["mask"]!,
        share: stratum(rng.fork(w), draw, draws),
        rng: rng.fork(w).fork(draw),
      });
    return feed;
  },
};

/** The draw-th of `draws` equal strata of [0, 1), shifted by one offset per window. */
function stratum(rng: Rng, draw: number, draws: number): number {
  return (draw + rng.uniform()) / draws;
}

/** Masks l = 1 + ⌊share·L⌋ of a window's L tokens, chosen uniformly, each weighing L/l. */
function maskWindow(
  feed: EvaluationFeed,
  {
    windows: { length, mask: real },
    w,
    mask,
    share,
    rng,
  }: { windows: EvaluationWindows; w: number; mask: number; share: number; rng: Rng },
): void {
  const start = w * length;
  const tokens = real.subarray(start, start + length).reduce((sum, bit) => sum + bit, 0);
  if (tokens === 0) return;
  const count = 1 + Math.floor(share * tokens);
  for (const position of rng.permutation(tokens).subarray(0, count)) {
    feed.ids[start + position] = mask;
    feed.weights[start + position] = tokens / count;
  }
}
