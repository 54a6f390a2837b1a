/**
 * Gated DeltaNet: a matrix state that first decays and then, at the key, replaces what it holds by the new value.
 * Axes: B batch, T time, D model, G key heads of K channels, H value heads of V channels (head h reads key head ⌊h·G/H⌋),
 * C convolved channels, W taps; columns are […features, B, T].
 */
import { z } from "zod";
import { causalConv, causalConvStep, deltaRule, deltaStep, fromColumns, rmsScale, toColumns } from "../../ops/index.ts";
import { silu, type Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { chunkTokens, convTaps, negativeEigenvalues, outputNormEpsilon } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { gain, matrix, tensor, vector } from "../weights/declare.ts";
import { value, type Weights } from "../weights/use.ts";
import { type DeltaForm, deltaHeads, gainedRows, headLogDecay, strengths } from "./deltanet-heads.ts";
import { kernelInit, logRateInit, stepSizeInit } from "./mamba-init.ts";

export const gatedDeltaConfig = z.strictObject({
  heads: z.int().positive().default(4).describe("number of value heads"),
  keyHeads: z.int().positive().optional().describe("number of key and query heads; must divide heads (the default)"),
  keySize: z.int().positive().optional().describe("channels per key head; default model width / heads"),
  valueSize: z.int().positive().optional().describe("channels per value head; default model width / heads"),
  conv: convTaps(),
  chunk: chunkTokens(64),
  negEigen: negativeEigenvalues(),
  epsilon: outputNormEpsilon(),
});
type C = z.infer<typeof gatedDeltaConfig>;

export function gatedDeltaDims(c: Omit<C, "negEigen">, D: number) {
  const [H, G] = [c.heads, c.keyHeads ?? c.heads];
  const [K, V] = [c.keySize ?? D / H, c.valueSize ?? D / H];
  return { D, H, G, R: H / G, K, V, C: 2 * G * K + H * V, W: c.conv };
}
export type GatedDeltaSizes = ReturnType<typeof gatedDeltaDims>;

export function gatedDeltaParams({ D, H, G, K, V, C, W }: GatedDeltaSizes) {
  return {
    q: matrix(D, G * K),
    k: matrix(D, G * K),
    v: matrix(D, H * V),
    z: matrix(D, H * V),
    beta: matrix(D, H),
    decay: matrix(D, H),
    conv: tensor([C, W], kernelInit(W)),
    decayBias: vector(H, stepSizeInit()),
    logA: vector(H, logRateInit()),
    norm: gain(V),
    out: matrix(H * V, D, { init: "residual" }),
  };
}

export const gatedDeltaState = ({ C, W, H, V, K }: GatedDeltaSizes) => ({ conv: [C, W - 1], S: [H, V, K] });

type P = Weights<ReturnType<typeof gatedDeltaParams>>;
type At = MixerContext<C, GatedDeltaSizes, P, MaybeState<ReturnType<typeof gatedDeltaState>>>;

export const gatedDeltanet = defineMixer({
  kind: "gated-deltanet",
  title: "Gated DeltaNet",
  cite: { arxiv: "2412.06464", by: "Yang et al. 2024" },
  patterns: ["higher-order", "multi-x", "data-gating"],
  equations: [
    "[q, k, v] ← silu(conv(W x_t));  q ← q / (|q| √K);  k ← k / |k|",
    "a_t = exp(−e^logA softplus(W_a x_t + b));  β_t = σ(W_β x_t)",
    "S_t = a_t S_{t−1} (I − β_t k_t k_tᵀ) + β_t v_t k_tᵀ;  o_t = S_t q_t",
    "out = W_out (RMSNorm(o_t) ⊙ silu(W_z x_t))",
  ],
  config: gatedDeltaConfig,
  dims: gatedDeltaDims,
  params: gatedDeltaParams,
  tune: [
    { key: "valueSize", unit: 1 },
    { key: "keySize", unit: 1 },
  ],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state: gatedDeltaState,
  forward: (x_BTD, at) =>
    mix(x_BTD, at, { conv: causalConv, scan: (input) => deltaRule({ ...input, chunk: at.c.chunk }) }),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, { conv: causalConvStep, scan: deltaStep })),
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At, form: DeltaForm) {
  const { q, k, v, conv } = deltaHeads(x_BTD, { weights: p, d, form, state_BCP: s.conv, io });
  const { o_HVBT, S_BHVK } = form.scan({
    q_GKBT: q,
    k_GKBT: k,
    v_HVBT: v,
    beta_HBT: strengths(x_BTD, p.beta, { negEigen: c.negEigen, io }),
    logDecay_HBT: headLogDecay(x_BTD, p, io),
    S_BHVK: s.S,
  });
  return { y: gatedOutput(x_BTD, o_HVBT, { c, d, p }), s: { conv, S: S_BHVK } };
}

/** Norm per head, gate and projection. */
export function gatedOutput(
  x_BTD: Tensor,
  o_HVBT: Tensor,
  { c, d, p }: { c: { epsilon: number }; d: { V: number }; p: Pick<P, "z" | "norm" | "out"> },
): Tensor {
  const gate = silu(toColumns(x_BTD, value(p.z))).reshape(o_HVBT.shape);
  return fromColumns(rmsScale(o_HVBT, 1, c.epsilon).mul(gate), gainedRows(p, d.V));
}
