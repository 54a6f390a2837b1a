/**
 * Linear attention: softmax's kernel replaced by φ(q)·φ(k), so that keys and values add up in a matrix.
 * Axes: B batch, T time, D model, H heads of K key and V value channels, F features of a key; columns […features, B, T].
 */
import { z } from "zod";
import {
  type DecayScanInput,
  type DecayScanResult,
  decayScan,
  decayStep,
  elu1,
  featureCounts,
  fromColumns,
  squareFeatures,
  taylorFeatures,
  toColumns,
} from "../../ops/index.ts";
import { concat, ones, type Tensor } from "../../tensor/index.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { chunkTokens, headsOfWidth } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { matrix } from "../weights/declare.ts";
import { value, type Weight, type Weights } from "../weights/use.ts";

/** Also of `linear-cross-attention`. */
export const config = z.strictObject({
  heads: headsOfWidth(),
  featureMap: z
    .enum(["elu1", "relu", "taylor", "square"])
    .default("elu1")
    .describe(
      "φ: elu(x) + 1 (the paper), max(x, 0), products with φ(q)·φ(k) = 1 + s + s²/2, s = q·k/√K (Based), or (q·k)²/K (ReBased)",
    ),
  keySize: z.int().positive().optional().describe("channels of queries and keys per head; default model width / heads"),
  chunk: chunkTokens(64),
  epsilon: z.number().positive().default(1e-6).describe("added to the normaliser"),
});
type C = z.infer<typeof config>;
type Kernel = Omit<C, "chunk">;

export function dims(c: Kernel, D: number) {
  const K = c.keySize ?? D / c.heads;
  return { D, H: c.heads, K, V: D / c.heads, F: featureCounts[c.featureMap](K) };
}
type Sizes = ReturnType<typeof dims>;

export const params = ({ D, H, K }: Sizes) => ({
  q: matrix(D, H * K),
  k: matrix(D, H * K),
  v: matrix(D, D),
  out: matrix(D, D, { init: "residual" }),
});

/** Values by keys; the last row is the normaliser Σ φ(k), as if every value ended in 1. */
export const state = ({ H, V, F }: Sizes) => ({ S: [H, V + 1, F] });

export const smoothness = ({ featureMap }: Kernel) => (featureMap === "relu" ? "away from ties" : "everywhere");

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

export const linearAttention = defineMixer({
  kind: "linear-attention",
  title: "Linear attention",
  cite: {
    arxiv: "2006.16236",
    by: "Katharopoulos et al. 2020; taylor: Arora et al. 2024; square: Aksenov et al. 2024",
  },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "S_t = S_{t−1} + v_t φ(k_t)ᵀ;  z_t = z_{t−1} + φ(k_t)",
    "o_t = S_t φ(q_t) / (z_t·φ(q_t) + ε);  out = W_out o_t",
  ],
  config,
  dims,
  params,
  tune: [{ key: "keySize", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: (c) => ({
    flow: "causal",
    state: "finite",
    length: "any",
    batch: "independent",
    exact: "bitwise",
    smooth: smoothness(c),
  }),
  state,
  forward: (x_BTD, at) => mix(x_BTD, at, (input) => decayScan({ ...input, chunk: at.c.chunk })),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, decayStep)),
});

function mix(x_BTD: Tensor, at: At, scan: (input: DecayScanInput) => DecayScanResult) {
  const q_GKBT = queriesOf(x_BTD, at);
  const { o_HVBT, S_BHVK } = scan({ q_GKBT, ...entriesOf(x_BTD, at, at.io.mask_BT), S_BHVK: at.s.S });
  return { y: outputOf(o_HVBT, at), s: { S: S_BHVK } };
}

interface Parts {
  c: Kernel;
  d: Sizes;
  p: At["p"];
}

const heads = (x_BTD: Tensor, weight: Weight, d: Sizes): Tensor =>
  toColumns(x_BTD, value(weight)).reshape([d.H, -1, x_BTD.dim(0), x_BTD.dim(1)]);

export const queriesOf = (x_BTD: Tensor, { c, d, p }: Parts): Tensor => featureMaps[c.featureMap](heads(x_BTD, p.q, d));

/** What is summed: features of keys, and values that end in 1; zeros at padding. */
export function entriesOf(x_BTD: Tensor, { c, d, p }: Parts, mask_BT: Tensor | undefined) {
  const v = heads(x_BTD, p.v, d);
  const v_HVBT = concat(1, [v, ones([d.H, 1, ...v.shape.slice(2)])]);
  const k_GKBT = featureMaps[c.featureMap](heads(x_BTD, p.k, d));
  return { k_GKBT, v_HVBT: mask_BT ? v_HVBT.mul(mask_BT.cast("f32")) : v_HVBT };
}

/** Values by the normaliser in the last row, and out. */
export function outputOf(o_HVBT: Tensor, { c, d, p }: Parts): Tensor {
  const o = o_HVBT.slice(1, 0, d.V).div(o_HVBT.slice(1, d.V).add(c.epsilon));
  return fromColumns(o, value(p.out));
}

const featureMaps: Readonly<Record<C["featureMap"], (x_HKBT: Tensor) => Tensor>> = {
  elu1,
  relu: (x) => x.relu(),
  taylor: taylorFeatures,
  square: squareFeatures,
};
