/**
 * Performer: attention whose softmax is estimated by random features φ, so that sums over tokens come first (FAVOR+).
 * Axes: B batch, T time, D model, H heads, K head size, M random features; columns [C, B, T].
 */
import { z } from "zod";
import { decayScan, decayStep, fromColumns, orthogonalFeatures, toColumns } from "../../ops/index.ts";
import { concat, fail, type Tensor, where } from "../../tensor/index.ts";
import { defineMixer, type MixerContext } from "../define.ts";
import { oneToken } from "../one-token.ts";
import { bias, type Init, matrix, vector } from "../weights/declare.ts";
import { value, type Weight, type Weights } from "../weights/use.ts";
import { sumAll } from "./kernel-sums.ts";

/** Also of `performer-cross`. */
export const config = z.strictObject({
  heads: z.int().positive().default(4).describe("heads; must divide the width"),
  features: z.int().positive().default(64).describe("random features of a head"),
  kernel: z
    .enum(["softmax", "relu", "none"])
    .default("softmax")
    .describe(
      "positive features that estimate exp(q·k), rectified projections, or no projection: softmaxes of each query and, over time, of keys (Shen et al. 2018; not causal)",
    ),
  causal: z.boolean().default(true).describe("a token sees itself and earlier ones only; false: all, and no decoding"),
  stabiliser: z
    .enum(["none", "max"])
    .default("none")
    .describe("max: exponents less the largest projection of a query, or of all keys, later ones too; for large heads"),
  epsilon: z
    .number()
    .nonnegative()
    .optional()
    .describe(
      "added to every feature (default: 1e-4 with softmax, 1e-3 with relu); with max no gradient goes through it",
    ),
  chunk: z
    .int()
    .positive()
    .default(64)
    .describe("tokens per chunk of the causal form; changes rounding and speed only"),
});
type C = z.infer<typeof config>;
type Kernel = Omit<C, "causal" | "chunk">;

export const dims = (c: Kernel & { causal?: boolean }, D: number) => {
  if (c.kernel === "none" && c.causal)
    fail({
      code: "E_SPEC_VALUE",
      where: "performer.causal",
      expected: 'false with kernel "none", whose keys share a softmax over all tokens',
      got: "true",
    });
  return { D, H: c.heads, K: D / c.heads, M: c.kernel === "none" ? D / c.heads : c.features };
};
type Sizes = ReturnType<typeof dims>;

export const params = ({ D, M, K }: Sizes, c: Kernel) => ({
  q: matrix(D, D),
  k: matrix(D, D),
  v: matrix(D, D),
  ...(c.kernel !== "none" && { features: vector([M, K], orthogonal) }),
  out: matrix(D, D, { init: "residual" }),
  outBias: bias(D),
});

/** Trained on from their random start. */
const orthogonal: Init = {
  kind: "values",
  fill: (uniform, [rows, width]) => orthogonalFeatures(uniform, rows!, width!).flat(),
};

/** The largest projection of future keys shows in earlier outputs where something is added to the features. */
const usesMax = ({ kernel, stabiliser }: Features["c"]) => kernel === "softmax" && stabiliser === "max";
const decodes = (c: C) => c.causal && !usesMax(c);

/** S: Σ [v, 1] φ(k)ᵀ. */
const state = (d: Sizes, c: C): { S?: number[] } => (decodes(c) ? { S: sumShape(d) } : {});
export const sumShape = ({ H, K, M }: Sizes): number[] => [H, K + 1, M];

export function smoothness(c: Kernel) {
  if (c.kernel === "relu") return "away from ties";
  return usesMax(c) && epsilonOf(c) > 0 ? "surrogate" : "everywhere";
}

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, { S?: Tensor | undefined }>;

export const performer = defineMixer({
  kind: "performer",
  title: "Performer (FAVOR+)",
  cite: { arxiv: "2009.14794", by: "Choromanski et al. 2021" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "φ(x) = (exp(P u − |u|²/2) + ε)/√M,  u = x / K^{1/4}   (so that E φ(q)·φ(k) = exp(q·k/√K) at ε = 0)",
    "y_t = Σ_s (φ(q_t)·φ(k_s)) v_s / Σ_s φ(q_t)·φ(k_s),  s ≤ t where causal",
    "out = concat_h(y) W_o + b",
  ],
  config,
  dims,
  params,
  tune: [{ key: "features", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: (c) => ({
    flow: !c.causal ? "bidirectional" : usesMax(c) ? "causal-values-only" : "causal",
    state: decodes(c) ? "finite" : "none",
    length: "any",
    batch: "independent",
    smooth: smoothness(c),
    exact: "bitwise",
  }),
  state,
  forward: (x_BTD, at) => mix(x_BTD, at, at.c.causal ? (input) => decayScan({ ...input, chunk: at.c.chunk }) : sumAll),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, decayStep)),
});

const epsilonOf = (c: Features["c"]): number => c.epsilon ?? (c.kernel === "softmax" ? 1e-4 : 1e-3);

/** Keeps a causal quotient finite where all features vanish; as in the authors' causal form only. */
const smallest = 1e-6;

function mix(x_BTD: Tensor, at: At, sums: typeof decayStep) {
  const q_GKBT = queriesOf(x_BTD, at);
  const { o_HVBT, S_BHVK } = sums({ q_GKBT, ...entriesOf(x_BTD, at, at.io.mask_BT), S_BHVK: at.s.S });
  const weight = o_HVBT.slice(1, at.d.K);
  const total = at.c.causal ? weight.add(q_GKBT.sum(1, true).mul(smallest)) : weight;
  return { y: outputOf(o_HVBT, total, at), s: decodes(at.c) ? { S: S_BHVK } : {} };
}

interface Parts {
  c: Kernel;
  d: Sizes;
  p: At["p"];
}

const heads = (x_BTD: Tensor, weight: Weight, d: Sizes): Tensor =>
  toColumns(x_BTD, value(weight)).reshape([d.H, d.K, x_BTD.dim(0), x_BTD.dim(1)]);

const mapped = (x: Tensor, { c, p }: Parts, axes: readonly number[], real?: Tensor): Tensor =>
  c.kernel === "none" ? shares(x, axes, real) : featuresOf(x, { c, p: { features: p.features! }, axes, real });

export const queriesOf = (x_BTD: Tensor, at: Parts): Tensor => mapped(heads(x_BTD, at.p.q, at.d), at, [1]);

/** What is summed: features of keys, zeros where they are not real, and values that end in 1. */
export function entriesOf(x_BTD: Tensor, at: Parts, real: Tensor | undefined) {
  const k = mapped(heads(x_BTD, at.p.k, at.d), at, [1, 3], real);
  const v = heads(x_BTD, at.p.v, at.d);
  const ones = v.slice(1, 0, 1).mul(0).add(1);
  return { k_GKBT: real ? where(real, k, 0) : k, v_HVBT: concat(1, [v, ones]) };
}

/** Values by their total weight, and out. */
export function outputOf(o_HVBT: Tensor, total: Tensor, { d, p }: Parts): Tensor {
  const y_HVBT = o_HVBT.slice(1, 0, d.K).div(total);
  return fromColumns(y_HVBT.reshape([d.D, y_HVBT.dim(2), y_HVBT.dim(3)]), value(p.out)).add(value(p.outBias));
}

/** Softmax of each query over its features, of keys over time: x [H, K, B, T]. */
function shares(x: Tensor, axes: readonly number[], real: Tensor | undefined): Tensor {
  return axes.length === 1 ? x.softmax(1) : (real ? where(real, x, -1e30) : x).softmax(3);
}

interface Features {
  c: Pick<Kernel, "kernel" | "stabiliser" | "epsilon">;
  p: { features: Weight };
  /** Over which a largest exponent is taken. */
  axes: readonly number[];
  real?: Tensor | undefined;
}

/** φ of x [H, K, B, T] as [H, M, B, T]. */
export function featuresOf(x: Tensor, { c, p, axes, real }: Features): Tensor {
  const [H, K, B, T] = x.shape as [number, number, number, number];
  const u = x.reshape([H, K, B * T]).mul(K ** -0.25);
  const M = value(p.features).dim(0);
  const projected = value(p.features).matmul(u).reshape([H, M, B, T]);
  if (c.kernel === "relu") return projected.relu().add(epsilonOf(c));
  const exponents = projected.sub(u.square().sum(1, true).div(2).reshape([H, 1, B, T]));
  const shifted = usesMax(c) ? exponents.sub(largest(projected, axes, real)) : exponents;
  return shifted
    .exp()
    .add(epsilonOf(c))
    .mul(M ** -0.5);
}

/** Over these axes, of real tokens; as a constant, since it cancels but for what is added to the features. */
function largest(projected: Tensor, axes: readonly number[], real: Tensor | undefined): Tensor {
  const seen = real ? where(real, projected, -1e30) : projected;
  return seen.max(axes, true).maximum(-1e6).stopGradient();
}
