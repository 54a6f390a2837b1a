/**
 * Linear attention: softmax's kernel replaced by φ(q)·φ(k), so that keys and values add up in a matrix.
 * Axes: B batch, T time, D model, H heads of K channels; columns […features, B, T].
 */
import { z } from "zod";
import {
  type DecayScanInput,
  type DecayScanResult,
  decayScan,
  decayStep,
  fromColumns,
  toColumns,
} from "../../ops/index.ts";
import { concat, ones, type Tensor } from "../../tensor/index.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { matrix } from "../weights/declare.ts";
import { value, type Weight, type Weights } from "../weights/use.ts";
import { atRealTokens } from "./deltanet-heads.ts";

const config = z.strictObject({
  heads: z.int().positive().default(4).describe("number of heads; must divide the model width"),
  featureMap: z.enum(["elu1", "relu"]).default("elu1").describe("φ: elu(x) + 1 (the paper) or max(x, 0)"),
  chunk: z
    .int()
    .positive()
    .default(64)
    .describe("tokens per chunk of the parallel form; changes rounding and speed only"),
  epsilon: z.number().positive().default(1e-6).describe("added to the normaliser"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.heads, K: D / c.heads });
type Sizes = ReturnType<typeof dims>;

const params = ({ D }: Sizes) => ({
  q: matrix(D, D),
  k: matrix(D, D),
  v: matrix(D, D),
  out: matrix(D, D, { init: "residual" }),
});

/** Values by keys; the last row is the normaliser Σ φ(k), as if every value ended in 1. */
const state = ({ H, K }: Sizes) => ({ S: [H, K + 1, K] });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

export const linearAttention = defineMixer({
  kind: "linear-attention",
  title: "Linear attention",
  cite: { arxiv: "2006.16236", by: "Katharopoulos et al. 2020" },
  equations: [
    "S_t = S_{t−1} + v_t φ(k_t)ᵀ;  z_t = z_{t−1} + φ(k_t)",
    "o_t = S_t φ(q_t) / (z_t·φ(q_t) + ε);  out = W_out o_t",
  ],
  config,
  dims,
  params,
  reads: ["mask_BT"],
  capabilities: ({ featureMap }) => ({
    flow: "causal",
    state: "finite",
    length: "any",
    batch: "independent",
    exact: "bitwise",
    smooth: featureMap === "relu" ? "away from ties" : "everywhere",
  }),
  state,
  forward: (x_BTD, at) => mix(x_BTD, at, (input) => decayScan({ ...input, chunk: at.c.chunk })),
  step(x_BD, at) {
    const { y, s } = mix(x_BD.unsqueeze(1), at, decayStep);
    return { y: y.squeeze(1), s };
  },
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At, scan: (input: DecayScanInput) => DecayScanResult) {
  const heads = (weight: Weight) => toColumns(x_BTD, value(weight)).reshape([d.H, d.K, x_BTD.dim(0), x_BTD.dim(1)]);
  const features = c.featureMap === "relu" ? (x: Tensor) => x.relu() : elu1;
  const v = heads(p.v);
  const { o_HVBT, S_BHVK } = scan({
    q_GKBT: features(heads(p.q)),
    k_GKBT: features(heads(p.k)),
    v_HVBT: atRealTokens(concat(1, [v, ones([d.H, 1, ...v.shape.slice(2)])]), io),
    S_BHVK: s.S,
  });
  const o = o_HVBT.slice(1, 0, d.K).div(o_HVBT.slice(1, d.K).add(c.epsilon));
  return { y: fromColumns(o, value(p.out)), s: { S: S_BHVK } };
}

/** elu(x) + 1: x + 1 above 0, eˣ below. */
const elu1 = (x: Tensor): Tensor => x.relu().add(x.minimum(0).exp());
