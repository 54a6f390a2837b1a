/**
 * The mLSTM layer of xLSTM, with its projections: up to two paths of inner width, a causal convolution before queries
 * and keys, the matrix memory, a norm per head, a skip from the convolution, and the gate of the other path.
 * Axes: B batch, T time, D model, I inner, H heads, K head width.
 */
import { z } from "zod";
import { causalConv, causalConvStep } from "../../ops/causal-conv.ts";
import { type MlstmState, mlstmChunked, mlstmStep } from "../../ops/mlstm-cell.ts";
import { layerNorm, logSigmoid, ones, silu, type Tensor, zeros } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";
import { bias, gain, type Init, matrix, tensor } from "../weights/declare.ts";
import { value, type Weight, type Weights } from "../weights/use.ts";
import { byHeads, columns } from "./mlstm-projections.ts";

const config = z.strictObject({
  heads: z.int().positive().default(4).describe("number of heads; must divide the inner width"),
  inner: z.int().positive().optional().describe("inner width; twice the model width if absent"),
  kernel: z.int().min(2).default(4).describe("taps of the causal convolution before queries and keys"),
  block: z
    .union([z.int().positive(), z.literal("full")])
    .default(4)
    .describe("features per block of the block-diagonal query, key and value maps; must divide the head width; full: dense maps"),
  forgetGate: z.enum(["sigmoid", "exponential"]).default("sigmoid").describe("activation of the forget gate; the input gate is exponential"),
  bias: z.boolean().default(false).describe("whether the projections have biases (gates and convolution always have)"),
  normEpsilon: z.number().positive().default(1e-5).describe("added to the variance in the norm per head"),
  epsilon: z.number().nonnegative().default(0).describe("added to the normaliser max(|n q|, 1) in units of e^m"),
  chunk: z.int().positive().default(64).describe("steps computed as one product; changes nothing but speed"),
});
type C = z.infer<typeof config>;

function dims(c: C, D: number) {
  const I = c.inner ?? 2 * D;
  const K = I / c.heads;
  return { D, I, H: c.heads, K, blocksPerHead: c.block === "full" ? 1 : K / c.block };
}
type Dims = ReturnType<typeof dims>;

function params({ D, I, H, blocksPerHead }: Dims, c: C) {
  const n = c.block === "full" ? I : c.block;
  const small: Init = { kind: "normal", std: Math.sqrt(2 / (5 * D)) };
  const within: Init = { kind: "normal", std: Math.sqrt(2 / (5 * n)) };
  const map = () => (c.block === "full" ? matrix(I, I, { init: within }) : tensor([H * blocksPerHead, n, n], within));
  return {
    up: matrix(D, I, { init: small }),
    gate: matrix(D, I, { init: small }),
    conv: tensor([I, c.kernel], { kind: "uniform", low: -1 / Math.sqrt(c.kernel), high: 1 / Math.sqrt(c.kernel) }),
    convBias: bias(I),
    q: map(),
    k: map(),
    v: map(),
    gatesQ: matrix(I, 2 * H, { init: "zeros" }),
    gatesK: matrix(I, 2 * H, { init: "zeros" }),
    gatesV: matrix(I, 2 * H, { init: "zeros" }),
    gatesBias: bias(2 * H, gateBias(H)),
    norm: gain(I),
    skip: gain(I),
    down: matrix(I, D, { init: "residual" }),
    ...(c.bias && { upBias: bias(I), gateBias: bias(I), qBias: bias(I), kBias: bias(I), vBias: bias(I), downBias: bias(D) }),
  };
}

/** Input gates at 0, forget gates from σ(3) to σ(6), head by head. */
const gateBias = (H: number): Init => ({
  kind: "values",
  fill: () => Array.from({ length: 2 * H }, (_, i) => (i < H ? 0 : 3 + (3 * (i - H)) / Math.max(1, H - 1))),
});
type P = Weights<ReturnType<typeof params>>;

export const mlstm = defineMixer({
  kind: "mlstm",
  title: "mLSTM (xLSTM's matrix memory)",
  cite: { arxiv: "2405.04517", by: "Beck et al. 2024" },
  equations: [
    "a = W_up x,  c = silu(conv(a)),  q = W_q c,  k = W_k c / √K,  v = W_v a",
    "i_t = exp(w_i·[q, k, v] + b_i),  f_t = σ(w_f·[q, k, v] + b_f) or exp(…)",
    "C_t = f_t C_{t−1} + i_t k_t v_tᵀ,  n_t = f_t n_{t−1} + i_t k_t",
    "h_t = C_tᵀ q_t / max(|n_tᵀ q_t|, 1)",
    "y = W_down((norm(h) + skip ⊙ c) ⊙ silu(W_gate x))",
  ],
  config,
  dims,
  params,
  tune: [{ key: "inner", unit: 8 }],
  reads: ["mask_BT"],
  capabilities: { flow: "causal", state: "finite", length: "any", batch: "independent", smooth: "away from ties", exact: "bitwise" },
  state: ({ I, H, K }, c) => ({ C: [H, K, K], n: [H, K], m: [H], conv: [I, c.kernel - 1] }),
  forward(x_BTD, { c, d, p, s, io: { mask_BT } }) {
    const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
    const a = columns(x_BTD, p.up, p.upBias);
    const conv = { x_CBT: a.reshape([d.I, B, T]), kernel_CK: value(p.conv), bias_C: value(p.convBias) };
    const { y_CBT, state_BCP } = causalConv({ ...conv, state_BCP: s.conv, mask_BT });
    const mixed = silu(y_CBT.reshape([d.I, B * T]));
    const { q, k, v, ...gates } = project({ a, mixed }, p, { c, d, lead: [d.H, B, T] });
    const cell = mlstmChunked({ q, k, v, ...gates, epsilon: c.epsilon, chunk: c.chunk, mask_BT, s: headsFirst(s) });
    const y = output({ x: x_BTD, mixed, h: cell.h }, p, c);
    return { y: y.reshape(x_BTD.shape), s: { ...batchFirst(cell.s), conv: state_BCP } };
  },
  step(x_BD, { c, d, p, s }) {
    const B = x_BD.dim(0);
    const a = columns(x_BD, p.up, p.upBias);
    const conv = { x_CBT: a.unsqueeze(2), kernel_CK: value(p.conv), bias_C: value(p.convBias) };
    const { y_CBT, state_BCP } = causalConvStep({ ...conv, state_BCP: s.conv });
    const mixed = silu(y_CBT.squeeze(2));
    const { q, k, v, ...gates } = project({ a, mixed }, p, { c, d, lead: [d.H, B] });
    const cell = mlstmStep({ q, k, v, ...gates, epsilon: c.epsilon, s: batchFirst(s) });
    return { y: output({ x: x_BD, mixed, h: cell.h }, p, c), s: { ...batchFirst(cell.s), conv: state_BCP } };
  },
});

/** Queries, scaled keys and values [...lead, K] and log-gates [...lead] of columns [I, tokens]; gates read the keys unscaled. */
function project({ a, mixed }: { a: Tensor; mixed: Tensor }, p: P, { c, d, lead }: { c: C; d: Dims; lead: readonly number[] }) {
  const heads = d.H;
  const q = byHeads(mixed, p.q, { heads, bias: p.qBias });
  const k = byHeads(mixed, p.k, { heads, bias: p.kBias, scale: d.K ** -0.5 });
  const v = byHeads(a, p.v, { heads, bias: p.vBias });
  const share = (x: Tensor, w: Weight, alpha = 1) =>
    value(w).reshape([heads, d.K, 2 * heads]).matmul(x, { transA: true, transB: true, alpha });
  const gates = share(q, p.gatesQ).add(share(k, p.gatesK, d.K ** 0.5)).add(share(v, p.gatesV)).sum(0).add(value(p.gatesBias).unsqueeze(1));
  const logInput = gates.slice(0, 0, heads).reshape(lead);
  const forget = gates.slice(0, heads).reshape(lead);
  const perHead = (x: Tensor) => x.reshape([...lead, d.K]);
  return {
    q: perHead(q),
    k: perHead(k),
    v: perHead(v),
    logInput,
    logForget: c.forgetGate === "sigmoid" ? logSigmoid(forget) : forget,
  };
}

/** h [H, ..., K] normalised per head, joined as columns, with skip and gate, projected down → [tokens, D]. */
function output({ x, mixed, h }: { x: Tensor; mixed: Tensor; h: Tensor }, p: P, { normEpsilon }: C): Tensor {
  const [H, K] = [h.dim(0), h.dim(-1)];
  const normalised = layerNorm(h, ones([K]), zeros([K]), normEpsilon).reshape([H, -1, K]).swap(1, 2).reshape(mixed.shape);
  const kept = normalised.mul(value(p.norm).unsqueeze(1)).add(mixed.mul(value(p.skip).unsqueeze(1)));
  const gated = kept.mul(silu(columns(x, p.gate, p.gateBias)));
  const y = gated.matmul(value(p.down), { transA: true });
  return p.downBias ? y.add(value(p.downBias)) : y;
}

type MaybeMemory = { readonly [K in keyof MlstmState]?: Tensor | undefined };

const headsFirst = ({ C, n, m }: MaybeMemory) => ({ C: C?.swap(0, 1), n: n?.swap(0, 1), m: m?.swap(0, 1) });
const batchFirst = ({ C, n, m }: MlstmState): MlstmState => ({ C: C.swap(0, 1), n: n.swap(0, 1), m: m.swap(0, 1) });
