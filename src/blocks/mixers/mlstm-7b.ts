/**
 * The mLSTM layer of xLSTM 7B: the matrix memory on the model width itself, without convolution or up-projection, with
 * narrow queries and keys and gates held within a soft cap. The gated FFN of its block is the layer's channel mixer.
 * Axes: B batch, T time, D model, H heads, K key width, V value width per head.
 */
import { z } from "zod";
import { type MlstmState, mlstmChunked, mlstmStep, toColumns } from "../../ops/index.ts";
import { layerNorm, logSigmoid, ones, type Tensor, zeros } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer } from "../define.ts";
import { chunkTokens } from "../fields.ts";
import { bias, gain, matrix } from "../weights/declare.ts";
import { linear, value, type Weight, type Weights } from "../weights/use.ts";

const config = z.strictObject({
  heads: z.int().positive().default(4).describe("number of heads"),
  keySize: z
    .int()
    .positive()
    .optional()
    .describe("width of queries and keys per head; half of model width / heads if absent"),
  valueSize: z.int().positive().optional().describe("width of values per head; model width / heads if absent"),
  gateCap: z.number().positive().default(15).describe("input and forget gates are cap·tanh(x/cap)"),
  bias: z.boolean().default(false).describe("whether projections and norm have biases (gates always have)"),
  normEpsilon: z.number().positive().default(1e-6).describe("added to the variance in the norm per head"),
  epsilon: z.number().nonnegative().default(1e-6).describe("added to the normaliser max(|n q|, 1) in units of e^m"),
  chunk: chunkTokens(64),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.heads, K: c.keySize ?? D / c.heads / 2, V: c.valueSize ?? D / c.heads });
type Dims = ReturnType<typeof dims>;

function params({ D, H, K, V }: Dims, c: C) {
  return {
    q: matrix(D, H * K),
    k: matrix(D, H * K),
    v: matrix(D, H * V),
    outputGate: matrix(D, H * V),
    gates: matrix(D, 2 * H, { init: "zeros" }),
    gatesBias: bias(2 * H, {
      kind: "values",
      fill: () => Array.from({ length: 2 * H }, (_, i) => (i < H ? -10 : 3 + (3 * (i - H)) / Math.max(1, H - 1))),
    }),
    norm: gain(H * V),
    out: matrix(H * V, D, { init: "residual" }),
    ...(c.bias && {
      qBias: bias(H * K),
      kBias: bias(H * K),
      vBias: bias(H * V),
      outputGateBias: bias(H * V),
      normBias: bias(H * V),
      outBias: bias(D),
    }),
  };
}
type P = Weights<ReturnType<typeof params>>;

export const mlstm7b = defineMixer({
  kind: "mlstm-7b",
  title: "mLSTM of xLSTM 7B",
  cite: { arxiv: "2503.13427", by: "Beck et al. 2025" },
  patterns: ["higher-order", "multi-x", "data-gating"],
  equations: [
    "q = W_q x / √K,  k = W_k x,  v = W_v x,  o = σ(W_o x)",
    "i_t = exp(cap(w_i x + b_i)),  f_t = σ(cap(w_f x + b_f)),  cap(a) = 15 tanh(a/15)",
    "C_t = f_t C_{t−1} + i_t k_t v_tᵀ,  n_t = f_t n_{t−1} + i_t k_t",
    "y = W(o ⊙ norm(C_tᵀ q_t / max(|n_tᵀ q_t|, 1)))",
  ],
  config,
  dims,
  params,
  tune: [
    { key: "valueSize", unit: 1 },
    { key: "keySize", unit: 1 },
  ],
  reads: ["mask_BT"],
  capabilities: { ...recurrent, smooth: "away from ties" },
  state: ({ H, K, V }) => ({ C: [H, K, V], n: [H, K], m: [H] }),
  forward(x_BTD, { c, d, p, s, io: { mask_BT } }) {
    const cell = mlstmChunked({
      ...project(x_BTD, p, { c, d }),
      epsilon: c.epsilon,
      chunk: c.chunk,
      mask_BT,
      s: swapped(s),
    });
    return { y: output(x_BTD, cell.h, p, c), s: swapped(cell.s) };
  },
  step(x_BD, { c, d, p, s }) {
    const x_BTD = x_BD.unsqueeze(1);
    const all = project(x_BTD, p, { c, d });
    const now = Object.fromEntries(Object.entries(all).map(([name, x]) => [name, x.squeeze(2)])) as typeof all;
    const cell = mlstmStep({ ...now, epsilon: c.epsilon, s: swapped(s) });
    return { y: output(x_BTD, cell.h.unsqueeze(2), p, c).squeeze(1), s: swapped(cell.s) };
  },
});

/** Scaled queries, keys and values [H, B, T, ·] and log-gates [H, B, T]. */
function project(x_BTD: Tensor, p: P, { c, d: { H, K } }: { c: C; d: Dims }) {
  const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
  const perHead = (w: Weight, b: Weight | undefined) =>
    linear(x_BTD, w, b).reshape([B, T, H, -1]).transpose([2, 0, 1, 3]);
  const gates = toColumns(x_BTD, value(p.gates)).add(value(p.gatesBias).reshape([2 * H, 1, 1]));
  const capped = gates
    .mul(1 / c.gateCap)
    .tanh()
    .mul(c.gateCap);
  return {
    q: perHead(p.q, p.qBias).mul(K ** -0.5),
    k: perHead(p.k, p.kBias),
    v: perHead(p.v, p.vBias),
    logInput: capped.slice(0, 0, H),
    logForget: logSigmoid(capped.slice(0, H)),
  };
}

/** h [H, B, T, V] normalised per head, joined, gated and projected. */
function output(x_BTD: Tensor, h: Tensor, p: P, { normEpsilon }: C): Tensor {
  const [H, B, T, V] = h.shape as [number, number, number, number];
  const normalised = layerNorm(h, ones([V]), zeros([V]), normEpsilon)
    .transpose([1, 2, 0, 3])
    .reshape([B, T, H * V]);
  const scaled = normalised.mul(value(p.norm));
  const shifted = p.normBias ? scaled.add(value(p.normBias)) : scaled;
  return linear(shifted.mul(linear(x_BTD, p.outputGate, p.outputGateBias).sigmoid()), p.out, p.outBias);
}

/** Batch first ↔ heads first. */
function swapped<S extends { readonly [K in keyof MlstmState]?: Tensor | undefined }>({ C, n, m }: S): S {
  return { C: C?.swap(0, 1), n: n?.swap(0, 1), m: m?.swap(0, 1) } as S;
}
