import { scalar, type Tensor } from "../tensor/index.ts";

/**
 * How likely a token is masked at time t in [0, 1], p(t), and what a masked token then weighs in the bound on the negative
 * log-likelihood: p′(t) / p(t) = σ′ / (e^σ − 1) with p = 1 − e^(−σ) (Sahoo et al. 2024, arXiv 2406.07524, eq. 10).
 *
 * llada: p = (1 − ε)t + ε, weight 1/p (Nie et al. 2025, eq. 3); log-linear: p = (1 − ε)t; cosine: p = (1 − ε)(1 − cos(πt/2));
 * cosine-squared: p = (1 − ε)(1 − cos²(πt/2)); linear: σ = σ₀ + t(σ₁ − σ₀); geometric: σ = σ₀^(1−t)·σ₁^t (σ₀ 1e-3, σ₁ 10).
 */
export const maskSchedules = ["llada", "log-linear", "cosine", "cosine-squared", "linear", "geometric"] as const;
export type MaskSchedule = (typeof maskSchedules)[number];

export interface Masking {
  /** Probability of the mask. */
  p: Tensor;
  /** Of a masked token in the loss. */
  weight: Tensor;
}

/** Smallest and largest total noise of `linear` and `geometric`. */
export interface NoiseRange {
  least: number;
  most: number;
}
const defaultRange: NoiseRange = { least: 1e-3, most: 10 };

export function maskingAt(
  schedule: MaskSchedule,
  t: Tensor,
  { epsilon = 1e-3, range = defaultRange }: { epsilon?: number; range?: NoiseRange } = {},
): Masking {
  if (schedule === "llada") {
    const p = t.mul(1 - epsilon).add(epsilon);
    return { p, weight: scalar(1).div(p) };
  }
  const { sigma, rate } = noiseAt(schedule, t, { epsilon, range });
  return { p: scalar(1).sub(sigma.neg().exp()), weight: rate.div(sigma.exp().sub(1)) };
}

interface Noise {
  sigma: Tensor;
  rate: Tensor;
}
type NoiseOf = (t: Tensor, at: { epsilon: number; range: NoiseRange }) => Noise;

/** Of −log of what is kept, `kept`, which falls at the rate `falls`. */
const noiseOf = (kept: Tensor, falls: Tensor): Noise => ({ sigma: kept.log().neg(), rate: falls.div(kept) });
const angle = (t: Tensor): Tensor => t.mul(Math.PI / 2);

const noises: Readonly<Record<Exclude<MaskSchedule, "llada">, NoiseOf>> = {
  "log-linear": (t, { epsilon }) => noiseOf(scalar(1).sub(t.mul(1 - epsilon)), scalar(1 - epsilon)),
  cosine: (t, { epsilon }) => {
    const share = 1 - epsilon;
    return noiseOf(
      angle(t).cos().mul(share).add(epsilon),
      angle(t)
        .sin()
        .mul((share * Math.PI) / 2),
    );
  },
  "cosine-squared": (t, { epsilon }) => {
    const share = 1 - epsilon;
    return noiseOf(
      angle(t).cos().square().mul(share).add(epsilon),
      t
        .mul(Math.PI)
        .sin()
        .mul((share * Math.PI) / 2),
    );
  },
  linear: (t, { range }) => {
    const slope = range.most - range.least;
    return { sigma: t.mul(slope).add(range.least), rate: t.mul(0).add(slope) };
  },
  geometric: (t, { range }) => {
    const ratio = Math.log(range.most / range.least);
    const sigma = t.mul(ratio).exp().mul(range.least);
    return { sigma, rate: sigma.mul(ratio) };
  },
};

/** Total noise σ(t) and its rate σ′(t). */
export function noiseAt(
  schedule: Exclude<MaskSchedule, "llada">,
  t: Tensor,
  { epsilon = 1e-3, range = defaultRange }: { epsilon?: number; range?: NoiseRange } = {},
): Noise {
  return noises[schedule](t, { epsilon, range });
}

/**
 * Times whose noise is spread evenly in log p instead of in t, for uniform draws u in [0, 1): importance sampling of Sahoo et
 * al. 2024, appendix; `log-linear` and `linear` only.
 */
export function importanceTimes(
  schedule: "log-linear" | "linear",
  u: Tensor,
  { epsilon = 1e-3, range = defaultRange }: { epsilon?: number; range?: NoiseRange } = {},
): Tensor {
  const ends = schedule === "linear" ? range : { least: epsilon, most: -Math.log(epsilon) };
  const [low, high] = [ends.least, ends.most].map((sigma) => Math.fround(Math.log(-Math.expm1(-sigma)))) as [
    number,
    number,
  ];
  const kept = scalar(1).sub(u.mul(high).add(scalar(1).sub(u).mul(low)).exp());
  if (schedule === "log-linear")
    return scalar(1)
      .sub(kept)
      .div(1 - epsilon);
  return kept
    .log()
    .neg()
    .sub(range.least)
    .div(range.most - range.least);
}
