import { frac, type MaskSchedule, maskingAt, type Rng, rowLosses, withoutClass } from "../../ops/index.ts";
import { iota, scalar, type Tensor, where } from "../../tensor/index.ts";
import type { EvaluationFeed, EvaluationWindows, Objective } from "./objective.ts";
import { weightedMean } from "./token-loss.ts";

/** What decides the noise, as the objective's config holds it. */
export interface MaskedDiffusionOptions {
  schedule: MaskSchedule;
  epsilon: number;
  /** Times of a batch's rows spread over [0, 1) instead of drawn apart. */
  antithetic: boolean;
}

/**
 * Masked diffusion: at time t ~ U(0, 1) of each sequence, tokens are masked with probability p(t); loss = Σ_masked of
 * weight(t)·−log p(x), divided by B·L. Schedule `llada`: Nie et al. 2025, arXiv 2502.09992, eq. 3 and algorithm 1; the others:
 * MDLM, Sahoo et al. 2024, arXiv 2406.07524, eq. 10, where the mask itself is never predicted.
 * Evaluation, the same bound for every schedule: E over l ~ U{1 … L} of (L/l)·Σ over l masked tokens (Nie et al. 2025, algorithm
 * 3; eq. 6), stratified in l, without ε.
 */
export const maskedDiffusion: Objective = {
  kind: "masked-diffusion",
  bound: "upper-bound",
  masked: true,
  train({ model, extraTokens }, { inputs_BT, weights_BT }, context) {
    const options = model.spec.objective as unknown as MaskedDiffusionOptions;
    const mask = extraTokens["mask"]!;
    const [B, T] = [inputs_BT.dim(0), inputs_BT.dim(1)];
    const times_B1 = diffusionTimes(context.io.rng("objective.time").uniform([B, 1]), options);
    const noise = noised(inputs_BT, {
      times_B1,
      uniform_BT: context.io.rng("objective.mask").uniform([B, T]),
      mask,
      options,
    });
    const result = model.forward(noise.noisy_BT, context);
    const nats_BT = diffusionNats(result.logits, inputs_BT, { ...noise, mask, options });
    return { loss: weightedMean(nats_BT, weights_BT), result };
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

/** Times of a batch from uniform draws [B, 1]. MDLM keeps away from t = 0, where its weight has no bound. */
export function diffusionTimes(uniform_B1: Tensor, { schedule, epsilon, antithetic }: MaskedDiffusionOptions): Tensor {
  const B = uniform_B1.dim(0);
  const rows_B1 = iota(B).cast("f32").unsqueeze(1).div(B);
  const spread_B1 = antithetic ? frac(uniform_B1.div(B).add(rows_B1)) : uniform_B1;
  return schedule === "llada" ? spread_B1 : spread_B1.mul(1 - epsilon).add(epsilon);
}

/** A batch with some tokens masked, and what each masked one weighs: masked bool [B, T], weight [B, 1]. */
export function noised(
  ids_BT: Tensor,
  {
    times_B1,
    uniform_BT,
    mask,
    options: { schedule, epsilon },
  }: { times_B1: Tensor; uniform_BT: Tensor; mask: number; options: MaskedDiffusionOptions },
): { noisy_BT: Tensor; masked_BT: Tensor; weight_B1: Tensor; p_B1: Tensor } {
  const { p, weight } = maskingAt(schedule, times_B1, { epsilon });
  const masked_BT = uniform_BT.less(p);
  return { noisy_BT: where(masked_BT, scalar(mask, "i32"), ids_BT), masked_BT, weight_B1: weight, p_B1: p };
}

/** Weighted nats of every token, 0 where it was not masked: logits [B, T, C] → [B, T]. */
export function diffusionNats(
  logits: Tensor,
  ids_BT: Tensor,
  {
    masked_BT,
    weight_B1,
    mask,
    options: { schedule },
  }: { masked_BT: Tensor; weight_B1: Tensor; mask: number; options: MaskedDiffusionOptions },
): Tensor {
  const possible = schedule === "llada" ? logits : withoutClass(logits, mask);
  return where(masked_BT, rowLosses(possible, ids_BT).mul(weight_B1), 0);
}

/** The draw-th of `draws` equal strata of [0, 1), shifted by one offset per window. */
export function stratum(rng: Rng, draw: number, draws: number): number {
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
