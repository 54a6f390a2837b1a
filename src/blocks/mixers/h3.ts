/**
 * H3: keys pass a short shift system, their products with the values a diagonal state-space model, and queries read it.
 * Axes: B batch, T time, D model, H heads of K features, W taps of the shift, N conjugate pairs of states, X = 2N real
 * numbers of state; columns [C, B, T].
 */
import { z } from "zod";
import {
  causalConv,
  causalConvStep,
  complexProduct,
  diagonalSystem,
  discretise,
  fromColumns,
  fromPairs,
  levelsOf,
  ltiScan,
  mapComplex,
  toColumns,
  toeplitz,
} from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MixerContext } from "../define.ts";
import { chunkOfPowerOfTwo } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { bias, matrix, tensor, vector } from "../weights/declare.ts";
import { value, type Weight, type Weights } from "../weights/use.ts";
import { everyCopy } from "./lti-layer.ts";
import { diagonalStart } from "./s4-start.ts";

const config = z.strictObject({
  heads: z.int().positive().optional().describe("heads; must divide the width (default: one a feature)"),
  shift: z.int().min(2).default(8).describe("taps of the shift system, in tokens"),
  state: z.int().positive().multipleOf(2).default(64).describe("real numbers of state of the diagonal system"),
  dtMin: z.number().positive().default(1e-3).describe("least step size at the start, in tokens"),
  dtMax: z.number().positive().default(1e-1).describe("largest step size at the start, in tokens"),
  chunk: chunkOfPowerOfTwo(64),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.heads ?? D, K: D / (c.heads ?? D), W: c.shift, N: c.state / 2 });
type Sizes = ReturnType<typeof dims>;

function params({ D, H, W, N }: Sizes, c: C) {
  const { A } = diagonalStart("lin", c.state);
  return {
    q: matrix(D, D),
    qBias: bias(D),
    k: matrix(D, D),
    kBias: bias(D),
    v: matrix(D, D),
    vBias: bias(D),
    shiftInput: tensor([D, W], { kind: "normal", std: 1 / Math.sqrt(W) }),
    shiftOutput: tensor([D, W], { kind: "normal", std: 1 }),
    shiftSkip: vector(D, { kind: "normal", std: 1 }),
    logRate: vector([H, N], everyCopy(A.map(([re]) => Math.log(-re)))),
    frequency: vector([H, N], everyCopy(A.map(([, im]) => im))),
    B: vector([H, N, 2], everyCopy([1, 0])),
    C: tensor([H, N, 2], { kind: "normal", std: Math.SQRT1_2 }),
    logDt: vector(H, { kind: "uniform", low: Math.log(c.dtMin), high: Math.log(c.dtMax) }),
    skip: vector(H, { kind: "normal", std: 1 }),
    out: matrix(D, D, { init: "residual" }),
    outBias: bias(D),
  };
}

const state = ({ D, H, K, W, N }: Sizes) => ({ conv: [D, W - 1], x: [H, K * K, 2 * N] });

type At = MixerContext<
  C,
  Sizes,
  Weights<ReturnType<typeof params>>,
  { conv?: Tensor | undefined; x?: Tensor | undefined }
>;

export const h3 = defineMixer({
  kind: "h3",
  title: "H3",
  cite: { arxiv: "2212.14052", by: "Fu et al. 2023" },
  patterns: ["higher-order", "data-gating"],
  equations: [
    "q, k, v = W_q x, W_k x, W_v x;  k ← shift(k)",
    "y_t = q_t · SSM(k vᵀ)_t   (per head; SSM diagonal, bilinear, with skip)",
    "shift(k)_t = Σ_l Σ_n b_n c_{n+l} k_{t−l} + skip ⊙ k_t;  out = W_o y",
  ],
  config,
  dims,
  params,
  tune: [{ key: "state", unit: 2 }],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward: (x_BTD, at) => mix(x_BTD, at, causalConv),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, causalConvStep)),
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At, conv: typeof causalConv) {
  const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
  const columns = (w: Weight, b: Weight) => toColumns(x_BTD, value(w)).add(value(b).reshape([-1, 1, 1]));
  const { y_CBT, state_BCP } = conv({
    x_CBT: columns(p.k, p.kBias),
    kernel_CK: shiftKernel(p),
    state_BCP: s.conv,
    mask_BT: io.mask_BT,
  });
  const pairs = [d.H, d.K * d.K * B, T] as const;
  const keys = y_CBT.reshape([d.H, d.K, 1, B, T]);
  const products = keys.mul(columns(p.v, p.vBias).reshape([d.H, 1, d.K, B, T])).reshape(pairs);
  const { ys, s_CBS } = ltiScan({
    us: [products],
    system: systemOf(p, levelsOf(c.chunk, T)),
    s_CBS: s.x?.transpose([1, 2, 0, 3]).reshape([d.H, d.K * d.K * B, 2 * d.N]),
    mask_BT: io.mask_BT?.expand([d.K * d.K, B, T]).reshape([d.K * d.K * B, T]),
  });
  const memory = ys[0]!.add(products.mul(value(p.skip).reshape([-1, 1, 1]))).reshape([d.H, d.K, d.K, B, T]);
  const read = memory.mul(columns(p.q, p.qBias).reshape([d.H, d.K, 1, B, T])).sum(1);
  return {
    y: fromColumns(read, value(p.out)).add(value(p.outBias)),
    s: { conv: state_BCP, x: s_CBS.reshape([d.H, d.K * d.K, B, 2 * d.N]).transpose([2, 0, 1, 3]) },
  };
}

/** Taps [D, W], the last on the present: lag l has Σ_n b_n c_{n+l}, and lag 0 the skip too. */
export function shiftKernel(p: Pick<At["p"], "shiftInput" | "shiftOutput" | "shiftSkip">): Tensor {
  const byLag = value(p.shiftOutput)
    .unsqueeze(1)
    .matmul(toeplitz(value(p.shiftInput)), { transB: true })
    .squeeze(1);
  const present = value(p.shiftSkip)
    .unsqueeze(1)
    .pad(1, 0, byLag.dim(1) - 1);
  return byLag.add(present).flip(1);
}

export function systemOf(p: Pick<At["p"], "logRate" | "frequency" | "logDt" | "B" | "C">, levels: number) {
  const A = { re: value(p.logRate).exp().neg(), im: value(p.frequency) };
  const { decay, input } = discretise(A, value(p.logDt).exp().unsqueeze(1), "bilinear");
  // Both states of a conjugate pair add the same real part.
  const output = mapComplex(fromPairs(value(p.C)), (part) => part.mul(2));
  return diagonalSystem({ decay, input: complexProduct(input, fromPairs(value(p.B))), output }, levels);
}
