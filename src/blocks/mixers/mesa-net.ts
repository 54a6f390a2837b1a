/**
 * MesaNet: every output is what a ridge regression of all values so far on their keys predicts for the query, found by
 * conjugate gradients. Axes: B batch, T time, D model, H heads of K key and V value channels, C convolved channels, W taps;
 * columns […features, B, T].
 */
import { z } from "zod";
import {
  causalConv,
  causalConvStep,
  fromColumns,
  type MesaInput,
  type MesaResult,
  mesa,
  mesaStep,
  rmsScale,
} from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { chunkTokens, convTaps, keySizePerHead, outputNormEpsilon, valueSizePerHead } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { gain, matrix, vector } from "../weights/declare.ts";
import { value, type Weights } from "../weights/use.ts";
import type { ConvolvedForm } from "./convolved-heads.ts";
import {
  deltaDims,
  deltaHeads,
  gainedRows,
  headDecayParams,
  headLogDecay,
  projectionParams,
  strengths,
} from "./deltanet-heads.ts";

const config = z.strictObject({
  heads: z.int().positive().default(4).describe("number of heads"),
  keySize: keySizePerHead(),
  valueSize: valueSizePerHead(),
  iterations: z
    .int()
    .positive()
    .default(8)
    .describe("iterations of conjugate gradients; as many as key channels solve the regression exactly"),
  ridgeMin: z.number().positive().default(0.25).describe("least ridge penalty of a key feature"),
  conv: convTaps(),
  chunk: chunkTokens(64),
  epsilon: outputNormEpsilon(),
});
type C = z.infer<typeof config>;

type Sizes = ReturnType<typeof deltaDims>;

function params(d: Sizes) {
  const { D, H, K, V } = d;
  return {
    ...projectionParams(d),
    beta: matrix(D, H),
    ...headDecayParams(d),
    ridge: vector([H, K], softplusOf(0.75)),
    norm: gain(V),
    out: matrix(H * V, D, { init: "residual" }),
  };
}

/** What softplus turns into y. */
const softplusOf = (y: number): number => Math.log(Math.expm1(y));

const state = ({ C, W, H, V, K }: Sizes) => ({ conv: [C, W - 1], keys: [H, K, K], values: [H, V, K] });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;
type Form = ConvolvedForm<MesaInput, MesaResult>;

export const mesaNet = defineMixer({
  kind: "mesa-net",
  title: "MesaNet",
  cite: { arxiv: "2506.05233", by: "von Oswald et al. 2025" },
  patterns: ["higher-order", "multi-x", "data-gating"],
  equations: [
    "[q, k, v] ← silu(conv(W x_t));  q ← q / (|q| √K);  k ← k / |k|;  β_t = σ(W_β x_t);  a_t = exp(−e^logA softplus(W_a x_t + c))",
    "H_t = a_t H_{t−1} + β_t k_t k_tᵀ;  G_t = a_t G_{t−1} + β_t v_t k_tᵀ",
    "o_t = G_t (H_t + diag Λ)⁻¹ q_t,  Λ = ridgeMin + softplus(ridge)   (by conjugate gradients)",
    "out = W_out RMSNorm(o_t)",
  ],
  config,
  dims: deltaDims,
  params,
  tune: [
    { key: "valueSize", unit: 1 },
    { key: "keySize", unit: 1 },
  ],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward: (x_BTD, at) => mix(x_BTD, at, { conv: causalConv, scan: (input) => mesa({ ...input, chunk: at.c.chunk }) }),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, { conv: causalConvStep, scan: mesaStep })),
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At, form: Form) {
  const { q, k, v, conv } = deltaHeads(x_BTD, { weights: p, d, form, state_BCP: s.conv, io });
  const { o_HVBT, H_BHKK, G_BHVK } = form.scan({
    q_HKBT: q,
    k_HKBT: k,
    v_HVBT: v,
    beta_HBT: strengths(x_BTD, p.beta, { negEigen: false, io }),
    logDecay_HBT: headLogDecay(x_BTD, p, io),
    ridge_HK: value(p.ridge).softplus().add(c.ridgeMin),
    iterations: c.iterations,
    H_BHKK: s.keys,
    G_BHVK: s.values,
  });
  const y = fromColumns(rmsScale(o_HVBT, 1, c.epsilon), gainedRows(p, d.V));
  return { y, s: { conv, keys: H_BHKK, values: G_BHVK } };
}
