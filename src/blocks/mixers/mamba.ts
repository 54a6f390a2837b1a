/**
 * Mamba: a state-space model per channel whose step size, input and output maps are read off the input.
 * Axes: B batch, T time, D model, I inner channels, N state per channel, R rank of the step size, W taps;
 * the convolution works on columns [I, B, T], the scan on [T, B, …].
 */
import { z } from "zod";
import {
  type CausalConvInput,
  type CausalConvResult,
  causalConv,
  causalConvStep,
  type SelectiveScanInput,
  type SelectiveScanResult,
  selectiveScan,
  selectiveStep,
  toColumns,
} from "../../ops/index.ts";
import { constant, rmsNorm, silu, type Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { oneToken } from "../one-token.ts";
import { bias, gain, type Init, matrix, tensor, vector } from "../weights/declare.ts";
import { linear, value, type Weight, type Weights } from "../weights/use.ts";
import { kernelInit, stepSizeInit } from "./mamba-init.ts";

const config = z.strictObject({
  state: z.int().positive().default(16).describe("width N of the state per channel"),
  expand: z.number().positive().default(2).describe("inner width / model width"),
  conv: z.int().min(2).default(4).describe("taps of the short convolution, in tokens"),
  dtRank: z
    .int()
    .positive()
    .optional()
    .describe("rank of the step size's projection; default model width / 16, rounded up"),
  norm: z
    .enum(["none", "plain", "gain"])
    .default("none")
    .describe("RMS norm of Δ (before its projection), B and C: without gain as in Falcon-Mamba, with it as in Jamba"),
  epsilon: z.number().positive().default(1e-5).describe("added to the mean square of these norms"),
  bias: z.boolean().default(false).describe("whether the projections have a bias"),
  convBias: z.boolean().default(true).describe("whether the convolution has a bias"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, I: c.expand * D, N: c.state, R: c.dtRank ?? Math.ceil(D / 16), W: c.conv });
type Sizes = ReturnType<typeof dims>;

function params({ D, I, N, R, W }: Sizes, c: C) {
  return {
    u: matrix(D, I),
    z: matrix(D, I),
    conv: tensor([I, W], kernelInit(W)),
    select: matrix(I, R + 2 * N),
    dt: matrix(R, I, { init: { kind: "uniform", low: -(R ** -0.5), high: R ** -0.5 } }),
    dtBias: vector(I, stepSizeInit()),
    logA: vector([I, N], countingLogs),
    skip: vector(I, 1),
    ...(c.convBias && { convBias: bias(I, kernelInit(W)) }),
    ...(c.norm === "gain" && { dtNorm: gain(R), BNorm: gain(N), CNorm: gain(N) }),
    ...(c.bias && { uBias: bias(I), zBias: bias(I), outBias: bias(D) }),
    out: matrix(I, D, { init: "residual" }),
  };
}

/** A = −1, −2, … −N in every channel (S4D-real). */
const countingLogs: Init = {
  kind: "values",
  fill: (_uniform, [channels, states]) =>
    Array.from({ length: channels! * states! }, (_, i) => Math.log(1 + (i % states!))),
};

const state = ({ I, N, W }: Sizes) => ({ conv: [I, W - 1], ssm: [N, I] });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

/** The two recurrences, over all times at once or by one time. */
interface Form {
  conv: (input: CausalConvInput) => CausalConvResult;
  scan: (input: SelectiveScanInput) => SelectiveScanResult;
}

export const mamba = defineMixer({
  kind: "mamba",
  title: "Mamba",
  cite: { arxiv: "2312.00752", by: "Gu & Dao 2023" },
  patterns: ["higher-order", "data-gating"],
  equations: [
    "[u, z] = W x_t;  u ← silu(conv(u));  [δ, B, C] = W_s u_t;  Δ = softplus(W_Δ δ + b)",
    "h_t = exp(−Δ_t e^logA) h_{t−1} + Δ_t u_t B_t   (per channel)",
    "y_t = h_t C_t + skip · u_t;  out = W_out (y_t ⊙ silu(z_t))",
  ],
  config,
  dims,
  params,
  tune: [
    { key: "state", unit: 1 },
    { key: "dtRank", unit: 1 },
  ],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward: (x_BTD, at) => mix(x_BTD, at, { conv: causalConv, scan: selectiveScan }),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, { conv: causalConvStep, scan: selectiveStep })),
});

function mix(x_BTD: Tensor, at: At, form: Form) {
  const { p, s, io } = at;
  const u_columns = toColumns(x_BTD, value(p.u));
  const { y_CBT, state_BCP } = form.conv({
    x_CBT: p.uBias ? u_columns.add(value(p.uBias).reshape([-1, 1, 1])) : u_columns,
    kernel_CK: value(p.conv),
    bias_C: p.convBias && value(p.convBias),
    state_BCP: s.conv,
    mask_BT: io.mask_BT,
  });
  const u_TBI = silu(y_CBT.transpose([2, 1, 0]));
  const { y_TBI, h_BNI } = form.scan({
    ...selected(u_TBI, at),
    u_TBI,
    A_NI: value(p.logA).exp().neg().transpose([1, 0]),
    h_BNI: s.ssm,
  });
  const gate = silu(linear(x_BTD.swap(0, 1), p.z, p.zBias));
  const y = y_TBI.add(u_TBI.mul(value(p.skip))).mul(gate);
  return { y: linear(y, p.out, p.outBias).swap(0, 1), s: { conv: state_BCP, ssm: h_BNI } };
}

/** What depends on the input: step sizes (0 at padding, where the state then stays), input and output maps. */
function selected(
  u_TBI: Tensor,
  { c, d: { N, R }, p, io }: At,
): Pick<SelectiveScanInput, "delta_TBI" | "B_TBN" | "C_TBN"> {
  const [dt, B, C] = linear(u_TBI, p.select).split(-1, [R, N, N]) as [Tensor, Tensor, Tensor];
  const normed = (x: Tensor, weight: Weight | undefined) =>
    c.norm === "none" ? x : rmsNorm(x, weight ? value(weight) : onesOf(x.dim(-1)), c.epsilon);
  const delta = linear(normed(dt, p.dtNorm), p.dt, p.dtBias).softplus();
  return {
    delta_TBI: io.mask_BT ? delta.mul(io.mask_BT.cast("f32").swap(0, 1).unsqueeze(-1)) : delta,
    B_TBN: normed(B, p.BNorm),
    C_TBN: normed(C, p.CNorm),
  };
}

const onesOf = (size: number): Tensor => constant(new Array<number>(size).fill(1), [size]);
