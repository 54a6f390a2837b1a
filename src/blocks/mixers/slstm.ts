/**
 * The sLSTM layer of xLSTM: scalar memories with exponential gates, whose heads mix their own outputs from step to
 * step; input and forget gates read a causal convolution. The gated FFN of the paper's block is the layer's channel mixer.
 * Axes: B batch, T time, D model, H heads, K head width.
 */
import { z } from "zod";
import { causalConv, causalConvStep, gateScan } from "../../ops/index.ts";
import { concat, full, layerNorm, ones, silu, type Tensor, zeros } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer } from "../define.ts";
import { headsOfWidth } from "../fields.ts";
import { bias, gain, type Init, tensor } from "../weights/declare.ts";
import { value, type Weights } from "../weights/use.ts";
import { emptyStabiliser, type SlstmState, signedGates, slstmCell } from "./slstm-cell.ts";

const config = z.strictObject({
  heads: headsOfWidth(),
  conv: z
    .union([z.literal(0), z.int().min(2)])
    .default(4)
    .describe("taps of the causal convolution before input and forget gates; 0: none"),
  forgetGate: z
    .enum(["sigmoid", "exponential"])
    .default("sigmoid")
    .describe("activation of the forget gate; the input gate is exponential"),
  normEpsilon: z.number().positive().default(1e-5).describe("added to the variance in the norm per head"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.heads, K: D / c.heads });
type Dims = ReturnType<typeof dims>;

/** Gates stand in the order i, f, o, z; i and f read the convolution. */
function params({ D, H, K }: Dims, c: C) {
  const small: Init = { kind: "normal", std: Math.sqrt(2 / (5 * K)) };
  const bound = 1 / Math.sqrt(Math.max(1, c.conv));
  return {
    ...(c.conv > 0 && { conv: tensor([D, c.conv], { kind: "uniform", low: -bound, high: bound }), convBias: bias(D) }),
    gatesConv: tensor([H, K, 2 * K], small),
    gates: tensor([H, K, 2 * K], small),
    recurrent: tensor([H, K, 4 * K], { kind: "constant", value: 0 }),
    bias: bias(4 * D, forgetBias(K, c.forgetGate)),
    norm: gain(D),
  };
}

/** [H, 4K]; forget gates from σ(−5) to σ(7) along each head, dense at the upper end, as in the authors' package. */
function forgetBias(K: number, forgetGate: C["forgetGate"]): Init {
  const at = (unit: number) => {
    const logit = -5 + 12 * (unit / Math.max(1, K - 1)) ** 0.3;
    return forgetGate === "sigmoid" ? logit : -Math.log1p(Math.exp(-logit));
  };
  const isForget = (i: number) => Math.floor(i / K) % 4 === 1;
  return {
    kind: "values",
    fill: (_, [size]) => Array.from({ length: size! }, (_, i) => (isForget(i) ? at(i % K) : 0)),
  };
}
type P = Weights<ReturnType<typeof params>>;

export const slstm = defineMixer({
  kind: "slstm",
  title: "sLSTM (xLSTM's scalar memory)",
  cite: { arxiv: "2405.04517", by: "Beck et al. 2024" },
  patterns: ["multi-x", "data-gating"],
  equations: [
    "[i, f] = W silu(conv(x)) + R h_{t−1} + b,  [z, o] = W x + R h_{t−1} + b  (R block-diagonal by heads)",
    "c_t = f_t c_{t−1} + i_t tanh(z_t),  n_t = f_t n_{t−1} + i_t,  i_t = exp(i), f_t = σ(f) or exp(f)",
    "h_t = σ(o_t) c_t / n_t",
    "stored: c·e^−m and n·e^−m, m_t = max(log f_t + m_{t−1}, log i_t)",
    "y = norm per head (h)",
  ],
  config,
  dims,
  params,
  reads: ["mask_BT"],
  capabilities: recurrent,
  state: ({ D, H, K }, c) => ({
    h: [H, K],
    c: [H, K],
    n: [H, K],
    m: { shape: [H, K], start: emptyStabiliser },
    ...(c.conv > 0 && { conv: [D, c.conv - 1] }),
  }),
  forward(x_BTD, { c, d, p, s, io: { mask_BT } }) {
    const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
    const x_CBT = x_BTD.transpose([2, 0, 1]);
    const conv =
      p.conv && causalConv({ x_CBT, kernel_CK: value(p.conv), bias_C: value(p.convBias!), state_BCP: s.conv, mask_BT });
    const gates = inputShare({ x: x_CBT, mixed: conv ? silu(conv.y_CBT) : x_CBT }, p, { c, d });
    const recurrent = signedGates(value(p.recurrent), c.forgetGate);
    const { s: last, emitted } = gateScan({
      start: startOf(s, [d.H, B, d.K]),
      xs: [gates.reshape([d.H, B, T, 4 * d.K]).transpose([2, 0, 1, 3])],
      mask_BT,
      emit: "h",
      cell: (state, [share]) => slstmCell(share!.add(state.h.matmul(recurrent)), state, c.forgetGate),
    });
    const y = normalised(emitted, c).transpose([2, 0, 1, 3]).reshape(x_BTD.shape).mul(value(p.norm));
    return { y, s: { ...mapStates(last), ...(conv && { conv: conv.state_BCP }) } };
  },
  step(x_BD, { c, d, p, s }) {
    const x_CBT = x_BD.transpose([1, 0]).unsqueeze(2);
    const conv =
      p.conv && causalConvStep({ x_CBT, kernel_CK: value(p.conv), bias_C: value(p.convBias!), state_BCP: s.conv! });
    const gates = inputShare({ x: x_CBT, mixed: conv ? silu(conv.y_CBT) : x_CBT }, p, { c, d });
    const state = mapStates(s);
    const next = slstmCell(
      gates.add(state.h.matmul(signedGates(value(p.recurrent), c.forgetGate))),
      state,
      c.forgetGate,
    );
    const y = normalised(next.h, c).swap(0, 1).reshape(x_BD.shape).mul(value(p.norm));
    return { y, s: { ...mapStates(next), ...(conv && { conv: conv.state_BCP }) } };
  },
});

/** What gates read of the input, [H, tokens, 4K]: one product of [silu(conv), x, 1] with the maps and the bias. */
function inputShare({ x, mixed }: { x: Tensor; mixed: Tensor }, p: P, { c, d: { H, K } }: { c: C; d: Dims }): Tensor {
  const heads = (t: Tensor) => t.reshape([H, K, -1]);
  const tokens = x.size / (H * K);
  const inputs = concat(1, [heads(mixed), heads(x), ones([H, 1, tokens])]);
  const matrix = concat(1, [
    value(p.gatesConv).pad(2, 0, 2 * K),
    value(p.gates).pad(2, 2 * K, 0),
    value(p.bias).reshape([H, 1, 4 * K]),
  ]);
  return inputs.matmul(signedGates(matrix, c.forgetGate), { transA: true });
}

/** Mean 0 and variance 1 over each head. */
const normalised = (h: Tensor, { normEpsilon }: C): Tensor =>
  layerNorm(h, ones([h.dim(-1)]), zeros([h.dim(-1)]), normEpsilon);

type MaybeState = { readonly [K in keyof SlstmState]?: Tensor | undefined };

/** States [H, B, K] from given ones [B, H, K], or as declared. */
function startOf(s: MaybeState, shape: readonly number[]): SlstmState {
  const given = (state: Tensor | undefined, start = 0) => state?.swap(0, 1) ?? full(shape, start);
  return { h: given(s.h), c: given(s.c), n: given(s.n), m: given(s.m, emptyStabiliser) };
}

/** [B, H, K] ↔ [H, B, K]. */
const mapStates = ({ h, c, n, m }: SlstmState): SlstmState => ({
  h: h.swap(0, 1),
  c: c.swap(0, 1),
  n: n.swap(0, 1),
  m: m.swap(0, 1),
});
