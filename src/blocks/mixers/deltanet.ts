/**
 * DeltaNet: a matrix state that, at the key, replaces what it holds by the new value.
 * Axes: B batch, T time, D model, H heads of K key and V value channels, C convolved channels, W taps; columns […features, B, T].
 */
import { z } from "zod";
import { causalConv, causalConvStep, deltaRule, deltaStep, fromColumns, rmsScale } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import {
  chunkTokens,
  convTaps,
  keySizePerHead,
  negativeEigenvalues,
  outputNormEpsilon,
  valueSizePerHead,
} from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { gain, matrix, tensor } from "../weights/declare.ts";
import type { Weights } from "../weights/use.ts";
import { type DeltaForm, deltaDims, deltaHeads, gainedRows, strengths } from "./deltanet-heads.ts";
import { kernelInit } from "./mamba-init.ts";

const config = z.strictObject({
  heads: z.int().positive().default(4).describe("number of heads"),
  keySize: keySizePerHead(),
  valueSize: valueSizePerHead(),
  conv: convTaps(),
  chunk: chunkTokens(64),
  negEigen: negativeEigenvalues(),
  epsilon: outputNormEpsilon(),
});
type C = z.infer<typeof config>;

type Sizes = ReturnType<typeof deltaDims>;

function params({ D, H, K, V, C, W }: Sizes) {
  return {
    q: matrix(D, H * K),
    k: matrix(D, H * K),
    v: matrix(D, H * V),
    beta: matrix(D, H),
    conv: tensor([C, W], kernelInit(W)),
    norm: gain(V),
    out: matrix(H * V, D, { init: "residual" }),
  };
}

const state = ({ C, W, H, V, K }: Sizes) => ({ conv: [C, W - 1], S: [H, V, K] });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

export const deltanet = defineMixer({
  kind: "deltanet",
  title: "DeltaNet",
  cite: { arxiv: "2406.06484", by: "Yang et al. 2024; rule: Schlag et al. 2021" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "[q, k, v] ← silu(conv(W x_t));  q ← q / (|q| √K);  k ← k / |k|;  β_t = σ(W_β x_t)",
    "S_t = S_{t−1} (I − β_t k_t k_tᵀ) + β_t v_t k_tᵀ;  o_t = S_t q_t",
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
  forward: (x_BTD, at) =>
    mix(x_BTD, at, { conv: causalConv, scan: (input) => deltaRule({ ...input, chunk: at.c.chunk }) }),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, { conv: causalConvStep, scan: deltaStep })),
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At, form: DeltaForm) {
  const { q, k, v, conv } = deltaHeads(x_BTD, { weights: p, d, form, state_BCP: s.conv, io });
  const beta_HBT = strengths(x_BTD, p.beta, { negEigen: c.negEigen, io });
  const { o_HVBT, S_BHVK } = form.scan({ q_GKBT: q, k_GKBT: k, v_HVBT: v, beta_HBT, S_BHVK: s.S });
  return { y: fromColumns(rmsScale(o_HVBT, 1, c.epsilon), gainedRows(p, d.V)), s: { conv, S: S_BHVK } };
}
