import {
  absorbingTerm,
  type BoundTerm,
  type KeptSchedule,
  keptShares,
  type Rng,
  uniformTerm,
  withoutClass,
} from "../../ops/index.ts";
import type { BuiltModel } from "../../spec/index.ts";
import { concat, constant, scalar, softmaxCrossEntropy, type Tensor, where } from "../../tensor/index.ts";
import { stratum } from "./masked-diffusion.ts";
import type { EvaluationFeed, Objective } from "./objective.ts";
import { weightedMean } from "./token-loss.ts";

type Transition = "absorbing" | "uniform";

interface Options {
  transition: Transition;
  schedule: KeptSchedule;
  times: number;
  lambda: number;
  timeFeatures?: number;
}

/** What a transition makes of tokens, and what its bound costs; C are the classes that tokens may become. */
interface TransitionRule {
  /** The lost tokens' new ids: uniform [B, T] in [0, 1). */
  lost(uniform_BT: Tensor, built: BuiltModel): Tensor;
  lostId(rng: Rng, built: BuiltModel): number;
  /** Scores of the classes that x₀ may be. */
  possible(logits: Tensor, built: BuiltModel): Tensor;
  nats(logits: Tensor, term: BoundTerm, built: BuiltModel): Tensor;
}

const maskOf = ({ extraTokens }: BuiltModel): number => extraTokens["mask"]!;

const rules: Readonly<Record<Transition, TransitionRule>> = {
  absorbing: {
    lost: (_, built) => scalar(maskOf(built), "i32"),
    lostId: (_, built) => maskOf(built),
    possible: (logits, built) => withoutClass(logits, maskOf(built)),
    nats: (logits, term, built) => absorbingTerm(logits, { ...term, mask: maskOf(built) }),
  },
  uniform: {
    lost: (uniform_BT, { model }) => uniform_BT.mul(model.vocabulary).cast("i32"),
    lostId: (rng, { model }) => rng.below(model.vocabulary),
    possible: (logits) => logits,
    nats: (logits, term) => uniformTerm(logits, term),
  },
};

/**
 * D3PM (Austin et al. 2021, arXiv 2107.03006): at a time t ~ U{1 … T} of each sequence, ᾱ_t of the tokens are left; the others are
 * masked (`absorbing`) or drawn anew from the vocabulary (`uniform`). Loss: T·KL_t + λ·(−log p(x₀ | x_t)) a token (eq. 5).
 * Evaluation: the variational bound E_t[T·KL_t] of exactly T steps, stratified in t, without λ. Nothing is left at time T, so that
 * the bound has no term of the start.
 */
export const d3pm: Objective = {
  kind: "d3pm",
  bound: "upper-bound",
  masked: true,
  timed: true,
  condition: (built, times_B) => timeCondition(optionsOf(built), times_B),
  train(built, { inputs_BT, weights_BT }, context) {
    const options = optionsOf(built);
    const rule = rules[options.transition];
    const draw = (label: string, shape: readonly number[]) => context.io.rng(`objective.${label}`).uniform(shape);
    const times_B = draw("time", [inputs_BT.dim(0)])
      .mul(options.times)
      .cast("i32")
      .minimum(options.times - 1)
      .add(1);
    const shares = sharesAt(times_B, options);
    const lost_BT = draw("lost", inputs_BT.shape as readonly number[]).less(shares.through.neg().add(1));
    const fate_BT = draw("fate", inputs_BT.shape as readonly number[]);
    const x_t = where(lost_BT, rule.lost(fate_BT, built), inputs_BT);
    const cond_BTD = timeCondition(options, times_B.cast("f32"));
    const io = { ...context.io, ...(cond_BTD && { cond_BTD }) };
    const result = built.model.forward(x_t, { ...context, io });
    const logits = rule.possible(result.logits, built);
    const nats_BT = rule.nats(logits, { x0: inputs_BT, x_t, ...shares }, built).mul(options.times);
    const hybrid_BT = nats_BT.add(softmaxCrossEntropy(logits, inputs_BT).mul(options.lambda));
    return { loss: weightedMean(hybrid_BT, weights_BT), result };
  },
  draws: ({ draws }) => draws,
  feed(windows, built, { draw, draws, rng }) {
    const { transition, schedule, times } = optionsOf(built);
    const kept = keptShares(schedule, times);
    const feed = {
      ids: windows.inputs.slice() as Int32Array,
      targets: windows.inputs,
      weights: Float32Array.from(windows.mask),
      times: new Float32Array(windows.count),
    } satisfies EvaluationFeed;
    for (let w = 0; w < windows.count; w++) {
      const time = 1 + Math.floor(stratum(rng.fork(w), draw, draws) * times);
      const own = rng.fork(w).fork(draw);
      feed.times[w] = time;
      for (let at = w * windows.length; at < (w + 1) * windows.length; at++)
        if (windows.mask[at] === 1 && own.uniform() >= kept[time]!) feed.ids[at] = rules[transition].lostId(own, built);
    }
    return feed;
  },
  cost(logits, targets, built, { inputs_BT, times_B }) {
    const options = optionsOf(built);
    const rule = rules[options.transition];
    const term = { x0: targets, x_t: inputs_BT, ...sharesAt(times_B!.cast("i32"), options) };
    return rule.nats(rule.possible(logits, built), term, built).mul(options.times);
  },
};

/** Sines and cosines of the time at falling frequencies, t counted to 1000 at T (Ho et al. 2020, as DiT has them): [B, 1, C]. */
function timeCondition({ times, timeFeatures: width }: Options, times_B: Tensor): Tensor | undefined {
  if (width === undefined) return undefined;
  const half = width / 2;
  const frequencies = Array.from({ length: half }, (_, i) => (1000 / times) * 10_000 ** (-i / half));
  const angles = times_B.reshape([-1, 1, 1]).mul(constant(frequencies, [half]));
  return concat(-1, [angles.cos(), angles.sin()]);
}

const optionsOf = ({ model }: BuiltModel): Options => model.spec.objective as unknown as Options;

/** ᾱ_{t−1} and ᾱ_t, [B, 1], of times i32 [B] from 1 to T. */
function sharesAt(times_B: Tensor, { schedule, times }: Options): { before: Tensor; through: Tensor } {
  const kept = constant(keptShares(schedule, times), [times + 1]);
  const at = (index: Tensor) => kept.gather(0, index).unsqueeze(1);
  return { before: at(times_B.sub(1)), through: at(times_B) };
}
