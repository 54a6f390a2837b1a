/**
 * Gated slot attention: softmax attention over a fixed number of slots, which fade and are overwritten by one gate.
 * Axes: B batch, T time, D model, H heads of K key and value channels, M slots; columns […features, B, T].
 */
import { z } from "zod";
import {
  fromColumns,
  type GatedSlotsInput,
  type GatedSlotsResult,
  gatedSlots,
  gatedSlotsStep,
  rmsScale,
  toColumns,
} from "../../ops/index.ts";
import { logSigmoid, silu, type Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { chunkTokens, headsOfWidth, outputNormEpsilon } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { gain, matrix } from "../weights/declare.ts";
import { value, type Weight, type Weights } from "../weights/use.ts";
import { atRealTokens, gainedRows } from "./deltanet-heads.ts";

const config = z.strictObject({
  heads: headsOfWidth(),
  slots: z.int().positive().default(32).describe("slots per head"),
  slowness: z.number().positive().default(8).describe("divides log-decay: larger forgets more slowly"),
  chunk: chunkTokens(16),
  epsilon: outputNormEpsilon(),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.heads, K: D / c.heads, M: c.slots });
type Sizes = ReturnType<typeof dims>;

const params = ({ D, H, K, M }: Sizes) => ({
  q: matrix(D, D),
  k: matrix(D, D),
  v: matrix(D, D),
  forget: matrix(D, H * M),
  norm: gain(K),
  out: matrix(D, D, { init: "residual" }),
});

const state = ({ H, K, M }: Sizes) => ({ keys: [H, K, M], values: [H, K, M] });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

export const gsa = defineMixer({
  kind: "gsa",
  title: "Gated slot attention",
  cite: { arxiv: "2409.07146", by: "Zhang et al. 2024" },
  patterns: ["higher-order", "multi-x", "data-gating", "moving-average"],
  equations: [
    "[q, k, v] = silu(W x_t);  log a_t = log σ(W_f x_t) / slowness   (per slot)",
    "K_t = K_{t−1} diag(a_t) + k_t (1 − a_t)ᵀ;  V_t = V_{t−1} diag(a_t) + v_t (1 − a_t)ᵀ",
    "o_t = V_t softmax(K_tᵀ q_t / √K);  out = W_out RMSNorm(silu(o_t))",
  ],
  config,
  dims,
  params,
  tune: [{ key: "slots", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward: (x_BTD, at) => mix(x_BTD, at, (input) => gatedSlots({ ...input, chunk: at.c.chunk })),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, gatedSlotsStep)),
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At, form: (input: GatedSlotsInput) => GatedSlotsResult) {
  const heads = (weight: Weight) => toColumns(x_BTD, value(weight)).reshape([d.H, -1, x_BTD.dim(0), x_BTD.dim(1)]);
  const logDecay = atRealTokens(logSigmoid(heads(p.forget)).div(c.slowness), io);
  const { o_HVBT, keys_BHKM, values_BHVM } = form({
    q_HKBT: silu(heads(p.q)).mul(d.K ** -0.5),
    k_HKBT: silu(heads(p.k)),
    v_HVBT: silu(heads(p.v)),
    // 0 at padding, where nothing decays.
    write_HMBT: logDecay.exp().neg().add(1),
    logDecay_HMBT: logDecay,
    keys_BHKM: s.keys,
    values_BHVM: s.values,
  });
  const y = rmsScale(silu(o_HVBT), 1, c.epsilon);
  return { y: fromColumns(y, gainedRows(p, d.K)), s: { keys: keys_BHKM, values: values_BHVM } };
}
