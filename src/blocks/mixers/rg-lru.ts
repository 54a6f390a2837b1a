/**
 * The recurrent block of Griffin: a branch through a causal convolution and the real-gated linear recurrent unit (RG-LRU),
 * times a GELU branch. At position 0 a sequence starts: its first input enters at full scale and no earlier state stays.
 * Axes: B batch, T time, D model, W width of the recurrence, H heads of the gates, K = W/H; columns [W, B, T].
 */
import { z } from "zod";
import { causalConv, causalConvStep, fromColumns, linearScan, linearStep, toColumns } from "../../ops/index.ts";
import { gelu, iota, type Tensor, where } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type Io } from "../define.ts";
import { bias, type Init, matrix, tensor, vector } from "../weights/declare.ts";
import { value, type Weight, type Weights } from "../weights/use.ts";

const config = z.strictObject({
  heads: z.int().positive().default(4).describe("diagonal blocks of the gates' maps; must divide the width"),
  inner: z.int().positive().optional().describe("width of the recurrence; the model width if absent"),
  conv: z.int().min(2).default(4).describe("taps of the causal convolution, in tokens"),
  slowness: z.number().positive().default(8).describe("c in log a = −c·r·softplus(Λ)"),
});
type C = z.infer<typeof config>;

function dims(c: C, D: number) {
  const W = c.inner ?? D;
  return { D, W, H: c.heads, K: W / c.heads };
}

function params({ D, W, H, K }: ReturnType<typeof dims>, c: C) {
  const within: Init = { kind: "normal", std: 1 / Math.sqrt(K) };
  const bound = 1 / Math.sqrt(c.conv);
  return {
    gelu: matrix(D, W),
    geluBias: bias(W),
    recurrent: matrix(D, W),
    recurrentBias: bias(W),
    conv: tensor([W, c.conv], { kind: "uniform", low: -bound, high: bound }),
    convBias: bias(W),
    inputGate: tensor([H, K, K], within),
    inputGateBias: bias(W),
    decayGate: tensor([H, K, K], within),
    decayGateBias: bias(W),
    decay: vector(W, decayInit(c.slowness)),
    out: matrix(W, D, { init: "residual" }),
    outBias: bias(D),
  };
}

/** Λ such that a = e^(−c·softplus(Λ)) is uniform in a² on [0.9², 0.999²] (De et al. 2024, section 2.4). */
const decayInit = (slowness: number): Init => ({
  kind: "values",
  fill: (uniform, [size]) =>
    Array.from({ length: size! }, () => {
      const logA = 0.5 * Math.log(0.9 ** 2 + uniform() * (0.999 ** 2 - 0.9 ** 2));
      return Math.log(Math.expm1(-logA / slowness));
    }),
});
type P = Weights<ReturnType<typeof params>>;

export const rgLru = defineMixer({
  kind: "rg-lru",
  title: "RG-LRU (Griffin's recurrent block)",
  cite: { arxiv: "2402.19427", by: "De et al. 2024" },
  patterns: ["data-gating", "moving-average"],
  equations: [
    "u = conv(W_x x),  r = σ(W_r u + b_r),  i = σ(W_i u + b_i)",
    "a_t = exp(−c · r_t ⊙ softplus(Λ))",
    "h_t = a_t ⊙ h_{t−1} + √(1 − a_t²) ⊙ i_t ⊙ u_t  (h_0 = i_0 ⊙ u_0)",
    "y = W_o(h ⊙ gelu(W_y x))",
  ],
  config,
  dims,
  params,
  tune: [{ key: "inner", unit: 8 }],
  reads: ["mask_BT", "positions_BT"],
  capabilities: recurrent,
  state: ({ W }, c) => ({ h: [W], conv: [W, c.conv - 1] }),
  forward(x_BTD, { c, p, s, io }) {
    const x_CBT = columns(x_BTD, p.recurrent, p.recurrentBias);
    const { y_CBT, state_BCP } = causalConv({ x_CBT, ...convWeights(p), state_BCP: s.conv, mask_BT: io.mask_BT });
    const { h_CBT, h_BC } = linearScan({
      ...rgLruTerms(y_CBT, p, { slowness: c.slowness, starts_BT: starts(x_BTD, io) }),
      h_BC: s.h,
      mask_BT: io.mask_BT,
    });
    return { y: output(x_BTD, h_CBT, p), s: { h: h_BC, conv: state_BCP } };
  },
  step(x_BD, { c, p, s, io }) {
    const x_BTD = x_BD.unsqueeze(1);
    const { y_CBT, state_BCP } = causalConvStep({
      x_CBT: columns(x_BTD, p.recurrent, p.recurrentBias),
      ...convWeights(p),
      state_BCP: s.conv,
    });
    const { h_CBT, h_BC } = linearStep({
      ...rgLruTerms(y_CBT, p, { slowness: c.slowness, starts_BT: starts(x_BTD, io) }),
      h_BC: s.h,
    });
    return { y: output(x_BTD, h_CBT, p).squeeze(1), s: { h: h_BC, conv: state_BCP } };
  },
});

const convWeights = (p: P) => ({ kernel_CK: value(p.conv), bias_C: value(p.convBias) });
const perChannel = (w: Weight): Tensor => value(w).reshape([-1, 1, 1]);
const columns = (x_BTD: Tensor, w: Weight, b: Weight): Tensor => toColumns(x_BTD, value(w)).add(perChannel(b));

/** Where position 0 is: [B or 1, T]. */
function starts(x_BTD: Tensor, { positions_BT, length_B }: Io): Tensor {
  const offset = iota(x_BTD.dim(1)).unsqueeze(0);
  return (positions_BT ?? (length_B ? length_B.unsqueeze(1).add(offset) : offset)).equal(0);
}

export type RgLruWeights = Pick<P, "inputGate" | "inputGateBias" | "decayGate" | "decayGateBias" | "decay">;

/** a and √(1 − a²)·i·u of columns u; a is 0 and the root 1 where a sequence starts. */
export function rgLruTerms(
  u_CBT: Tensor,
  p: RgLruWeights,
  { slowness, starts_BT }: { slowness: number; starts_BT: Tensor },
) {
  const gate = (w: Weight, b: Weight) => headColumns(u_CBT, value(w)).add(perChannel(b)).sigmoid();
  const rate = gate(p.decayGate, p.decayGateBias).mul(perChannel(p.decay).softplus());
  const a = where(starts_BT, 0, rate.mul(-slowness).exp());
  return { a_CBT: a, u_CBT: u_CBT.mul(gate(p.inputGate, p.inputGateBias)).mul(boundedRoot(a.square().neg().add(1))) };
}

/** Wᵀ u head by head: columns [H·K, B, T] · [H, K, K]. */
function headColumns(u_CBT: Tensor, w_HKK: Tensor): Tensor {
  const [heads, K] = [w_HKK.dim(0), w_HKK.dim(1)];
  return w_HKK.matmul(u_CBT.reshape([heads, K, -1]), { transA: true }).reshape(u_CBT.shape);
}

/** √y with the derivative 1/√max(4y, 10⁻⁶), as the authors bound it. */
function boundedRoot(y: Tensor): Tensor {
  const root = y.sqrt().stopGradient();
  const slope = y.mul(4).maximum(1e-6).sqrt().reciprocal().stopGradient();
  return root.add(y.sub(y.stopGradient()).mul(slope));
}

function output(x_BTD: Tensor, h_CBT: Tensor, p: P): Tensor {
  const gate = gelu(columns(x_BTD, p.gelu, p.geluBias), "tanh");
  return fromColumns(h_CBT.mul(gate), value(p.out)).add(value(p.outBias));
}
