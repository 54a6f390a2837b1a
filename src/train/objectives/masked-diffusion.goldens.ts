import {
  absorbingTerm,
  discretePosterior,
  importanceTimes,
  type MaskSchedule,
  noiseAt,
  type TransitionShares,
  withoutClass,
} from "../../ops/index.ts";
import { scalar, softmaxCrossEntropy } from "../../tensor/index.ts";
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { diffusionNats, diffusionTimes, type MaskedDiffusionOptions, noised } from "./masked-diffusion.ts";
import { weightedMean } from "./token-loss.ts";

const schedules: Readonly<Record<string, Exclude<MaskSchedule, "llada">>> = {
  LogLinearNoise: "log-linear",
  CosineNoise: "cosine",
  CosineSqrNoise: "cosine-squared",
  Linear: "linear",
  GeometricNoise: "geometric",
};

function noise(c: GoldenCase): GoldenGraph {
  const schedule = schedules[c.text("schedule")]!;
  const { sigma_min, sigma_max } = c.config["kwargs"] as { sigma_min?: number; sigma_max?: number };
  const range =
    sigma_min === undefined ? {} : { range: { least: Math.fround(sigma_min), most: Math.fround(sigma_max!) } };
  const t = c.tensor("in.t");
  const { sigma, rate } = noiseAt(schedule, t, range);
  return {
    outputs: {
      "out.sigma": sigma,
      "out.rate": rate,
      "out.move_chance": scalar(1).sub(sigma.neg().exp()),
      ...(c.has("out.importance_t") && { "out.importance_t": importanceTimes(schedule as "linear", t, range) }),
    },
  };
}

/** The loss on a batch masked by stored draws. */
function lossOf(c: GoldenCase, options: MaskedDiffusionOptions) {
  const ids_BT = c.tensor(c.has("in.x0") ? "in.x0" : "in.ids");
  const mask = c.number("vocab") - 1;
  const times_B1 = diffusionTimes(c.tensor("in.uniform_t").unsqueeze(1), options);
  const noise = noised(ids_BT, { times_B1, uniform_BT: c.tensor("in.uniform_mask"), mask, options });
  return { ...noise, nats_BT: diffusionNats(c.tensor("in.logits"), ids_BT, { ...noise, mask, options }) };
}

function mdlm(c: GoldenCase): GoldenGraph | Absent {
  const kind = c.text("parameterization");
  if ("T" in c.config) return discreteTimes(c, kind === "d3pm");
  if (kind !== "subs") return `absent: the parameterisation ${kind}`;
  if (c.flag("change_of_variables")) return "absent: integration over log p";
  const schedule = c.text("noise", "log-linear") as MaskSchedule;
  const { noisy_BT, nats_BT } = lossOf(c, { schedule, epsilon: 1e-3, antithetic: true });
  const weights = c.tensor("in.attention_mask").cast("f32");
  return {
    outputs: { "out.xt": noisy_BT, "out.nlls": nats_BT.mul(weights), "out.loss": weightedMean(nats_BT, weights) },
  };
}

/** The bound of T steps; with `scored` the mask has a probability of its own, and the term of time 0 counts at every place. */
function discreteTimes(c: GoldenCase, scored: boolean): GoldenGraph {
  const [T, mask, x0] = [c.number("T"), c.number("vocab") - 1, c.tensor("in.x0")];
  const drawn = diffusionTimes(c.tensor("in.uniform_t").unsqueeze(1), {
    schedule: "log-linear",
    epsilon: 1e-3,
    antithetic: true,
  });
  const times = drawn.mul(T).cast("i32").cast("f32").add(1).div(T);
  const options = { schedule: "log-linear", epsilon: 1e-3, antithetic: true } as const;
  const { noisy_BT } = noised(x0, { times_B1: times, uniform_BT: c.tensor("in.uniform_mask"), mask, options });
  const logits = scored ? c.tensor("in.logits") : withoutClass(c.tensor("in.logits"), mask);
  // What is kept: 1 − t; the source keeps t below 1 by 1e-4.
  const through = times
    .minimum(1 - 1e-4)
    .neg()
    .add(1);
  const term = { x0, x_t: noisy_BT, before: through.add(1 / T), through, mask, scored };
  const first = scored ? softmaxCrossEntropy(logits, x0) : 0;
  const weights = c.tensor("in.attention_mask").cast("f32");
  const nats_BT = absorbingTerm(logits, term).mul(T).add(first);
  return {
    outputs: { "out.xt": noisy_BT, "out.nlls": nats_BT.mul(weights), "out.loss": weightedMean(nats_BT, weights) },
  };
}

function llada(c: GoldenCase): GoldenGraph {
  const { masked_BT, nats_BT, p_B1 } = lossOf(c, { schedule: "llada", epsilon: 1e-3, antithetic: false });
  return {
    outputs: { "out.masked": masked_BT.cast("i32"), "out.p_mask": p_B1.squeeze(1), "out.loss": nats_BT.mean() },
  };
}

function posterior(c: GoldenCase): GoldenGraph {
  const t = c.number("t");
  const shares = (prefix: string, index: number): TransitionShares => {
    const [a, b, share] = ["a", "b", "c"].map((name) => c.values(`in.${prefix}${name}t`).at(index)!) as [
      number,
      number,
      number,
    ];
    return { a, b, c: share };
  };
  const p_x0 = c.tensor("in.log_p_x0").exp().swap(1, 2);
  const shift = { step: shares("", t), before: shares("cumprod_", t - 1), through: shares("cumprod_", t) };
  return { outputs: { "out.posterior": discretePosterior(p_x0, c.tensor("in.x_t"), shift).swap(1, 2) } };
}

export const adapters: GoldenAdapter[] = [
  { kind: "diffusion", component: "mdlm-noise", build: noise },
  { kind: "diffusion", component: "mdlm-loss", build: mdlm },
  { kind: "diffusion", component: "llada-loss", build: llada },
  { kind: "diffusion", component: "discrete-posterior", build: posterior },
];
