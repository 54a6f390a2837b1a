/**
 * The mLSTM layer of xLSTM, with its projections: up to two paths of inner width, a causal convolution before queries
 * and keys, the matrix memory, a norm per head, a skip from the convolution, and the gate of the other path.
 * Axes: B batch, T time, D model, I inner, H heads, K head width.
 */
import { z } from "zod";
import { causalConv, causalConvStep, fromColumns, type MlstmState, mlstmChunked, mlstmStep } from "../../ops/index.ts";
import { layerNorm, logSigmoid, ones, silu, type Tensor, zeros } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer } from "../define.ts";
import { bias, gain, type Init, matrix, tensor } from "../weights/declare.ts";
import { value, type Weight, type Weights } from "../weights/use.ts";
import { byHeads, columns } from "./mlstm-projections.ts";

const config = z.strictObject({
  heads: z.int().positive().default(4).describe("number of heads; must divide the inner width"),
  inner: z.int().positive().optional().describe("inner width; twice the model width if absent"),
  conv: z.int().min(2).default(4).describe("taps of the causal convolution before queries and keys"),
  block: z
    .union([z.int().positive(), z.literal("full")])
    .default(4)
    .describe(
      "features per block of the block-diagonal query, key and value maps; must divide the head width; full: dense maps",
    ),
  forgetGate: z
    .enum(["sigmoid", "exponential"])
    .default("sigmoid")
    .describe("activation of the forget gate; the input gate is exponential"),
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
    conv: tensor([I, c.conv], { kind: "uniform", low: -1 / Math.sqrt(c.conv), high: 1 / Math.sqrt(c.conv) }),
    convBias: bias(I),
    q: map(),
    k: map(),
    v: map(),
    gatesQ: matrix(I, 2 * H, { init: "zeros" }),
    gatesK: matrix(I, 2 * H, { init: "zeros" }),
    gatesV: matrix(I, 2 * H, { init: "zeros" }),
    gatesBias: bias(2 * H, gateBias(H, c.forgetGate)),
    norm: gain(I),
    skip: gain(I),
    down: matrix(I, D, { init: "residual" }),
    ...(c.bias && {
      upBias: bias(I),
      gateBias: bias(I),
      qBias: bias(I),
      kBias: bias(I),
      vBias: bias(I),
      downBias: bias(D),
    }),
  };
}

/** Input gates at 0, forget gates from σ(3) to σ(6), head by head. */
function gateBias(H: number, forgetGate: C["forgetGate"]): Init {
  const at = (head: number) => {
    const logit = 3 + (3 * head) / Math.max(1, H - 1);
    return forgetGate === "sigmoid" ? logit : -Math.log1p(Math.exp(-logit));
  };
  return { kind: "values", fill: () => Array.from({ length: 2 * H }, (_, i) => (i < H ? 0 : at(i - H))) };
}
type P = Weights<ReturnType<typeof params>>;

export const mlstm = defineMixer({
  kind: "mlstm",
  title: "mLSTM (xLSTM's matrix memory)",
  cite: { arxiv: "2405.04517", by: "Beck et al. 2024" },
  patterns: ["higher-order", "multi-x", "data-gating"],
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
  tune: [{ key: "inner", unit: 16 }],
  reads: ["mask_BT"],
  capabilities: { ...recurrent, smooth: "away from ties" },
  state: ({ I, H, K }, c) => ({ C: [H, K, K], n: [H, K], m: [H], conv: [I, c.conv - 1] }),
  forward(x_BTD, { c, d, p, s, io: { mask_BT } }) {
    const a = columns(x_BTD, p.up, p.upBias);
    const { y_CBT, state_BCP } = causalConv({ x_CBT: a, ...convWeights(p), state_BCP: s.conv, mask_BT });
    const mixed = silu(y_CBT);
    const cell = mlstmChunked({
      ...project({ a, mixed }, p, { c, d }),
      epsilon: c.epsilon,
      chunk: c.chunk,
      mask_BT,
      s: headsFirst(s),
    });
    return { y: output({ x_BTD, mixed, h: cell.h }, p, c), s: { ...batchFirst(cell.s), conv: state_BCP } };
  },
  step(x_BD, { c, d, p, s }) {
    const x_BTD = x_BD.unsqueeze(1);
    const a = columns(x_BTD, p.up, p.upBias);
    const { y_CBT, state_BCP } = causalConvStep({ x_CBT: a, ...convWeights(p), state_BCP: s.conv });
    const mixed = silu(y_CBT);
    const { q, k, v, logInput, logForget } = project({ a, mixed }, p, { c, d });
    const now = (x: Tensor) => x.squeeze(2);
    const gates = { logInput: now(logInput), logForget: now(logForget) };
    const cell = mlstmStep({ q: now(q), k: now(k), v: now(v), ...gates, epsilon: c.epsilon, s: batchFirst(s) });
    const y_BTD = output({ x_BTD, mixed, h: cell.h.unsqueeze(2) }, p, c);
    return { y: y_BTD.squeeze(1), s: { ...batchFirst(cell.s), conv: state_BCP } };
  },
});

const convWeights = (p: P) => ({ kernel_CK: value(p.conv), bias_C: value(p.convBias) });

/** Queries, scaled keys and values [H, B, T, K] and log-gates [H, B, T] of columns; the gates read the keys unscaled. */
function project({ a, mixed }: { a: Tensor; mixed: Tensor }, p: P, { c, d: { H, K } }: { c: C; d: Dims }) {
  const q = byHeads(mixed, p.q, { heads: H, bias: p.qBias });
  const k = byHeads(mixed, p.k, { heads: H, bias: p.kBias, scale: K ** -0.5 });
  const v = byHeads(a, p.v, { heads: H, bias: p.vBias });
  const share = (x: Tensor, w: Weight, alpha = 1) =>
    value(w)
      .reshape([H, K, 2 * H])
      .matmul(x.reshape([H, -1, K]), { transA: true, transB: true, alpha });
  const gates = share(q, p.gatesQ)
    .add(share(k, p.gatesK, K ** 0.5))
    .add(share(v, p.gatesV))
    .sum(0)
    .add(value(p.gatesBias).unsqueeze(1));
  const [logInput, forget] = gates.split(0, [H, H]).map((gate) => gate.reshape([H, a.dim(1), a.dim(2)]));
  return { q, k, v, logInput: logInput!, logForget: c.forgetGate === "sigmoid" ? logSigmoid(forget!) : forget! };
}

/** h [H, B, T, K] normalised per head, joined as columns, with skip and gate, projected down. */
function output({ x_BTD, mixed, h }: { x_BTD: Tensor; mixed: Tensor; h: Tensor }, p: P, { normEpsilon }: C): Tensor {
  const K = h.dim(-1);
  const perFeature = (w: Weight) => value(w).reshape([-1, 1, 1]);
  const normalised = layerNorm(h, ones([K]), zeros([K]), normEpsilon)
    .transpose([0, 3, 1, 2])
    .reshape(mixed.shape);
  const kept = normalised.mul(perFeature(p.norm)).add(mixed.mul(perFeature(p.skip)));
  const y = fromColumns(kept.mul(silu(columns(x_BTD, p.gate, p.gateBias))), value(p.down));
  return p.downBias ? y.add(value(p.downBias)) : y;
}

type MaybeMemory = { readonly [K in keyof MlstmState]?: Tensor | undefined };

const headsFirst = ({ C, n, m }: MaybeMemory) => ({ C: C?.swap(0, 1), n: n?.swap(0, 1), m: m?.swap(0, 1) });
const batchFirst = ({ C, n, m }: MlstmState): MlstmState => ({ C: C.swap(0, 1), n: n.swap(0, 1), m: m.swap(0, 1) });
