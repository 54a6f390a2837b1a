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
import { atRealTokens } from "./deltanet-heads.ts";

const config = z.strictObject({
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

function dims(c: C, D: number) {
  const K = c.keySize ?? D / c.heads;
  return { D, H: c.heads, K, V: D / c.heads, F: featureCounts[c.featureMap](K) };
}
type Sizes = ReturnType<typeof dims>;

const params = ({ D, H, K }: Sizes) => ({
  q: matrix(D, H * K),
  k: matrix(D, H * K),
  v: matrix(D, D),
  out: matrix(D, D, { init: "residual" }),
});

/** Values by keys; the last row is the normaliser Σ φ(k), as if every value ended in 1. */
const state = ({ H, V, F }: Sizes) => ({ S: [H, V + 1, F] });

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
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, decayStep)),
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At, scan: (input: DecayScanInput) => DecayScanResult) {
  const heads = (weight: Weight) => toColumns(x_BTD, value(weight)).reshape([d.H, -1, x_BTD.dim(0), x_BTD.dim(1)]);
  const features = featureMaps[c.featureMap];
  const v = heads(p.v);
  const { o_HVBT, S_BHVK } = scan({
    q_GKBT: features(heads(p.q)),
    k_GKBT: features(heads(p.k)),
    v_HVBT: atRealTokens(concat(1, [v, ones([d.H, 1, ...v.shape.slice(2)])]), io),
    S_BHVK: s.S,
  });
  const o = o_HVBT.slice(1, 0, d.V).div(o_HVBT.slice(1, d.V).add(c.epsilon));
  return { y: fromColumns(o, value(p.out)), s: { S: S_BHVK } };
}

const featureMaps: Readonly<Record<C["featureMap"], (x_HKBT: Tensor) => Tensor>> = {
  elu1,
  relu: (x) => x.relu(),
  taylor: taylorFeatures,
  square: squareFeatures,
};
