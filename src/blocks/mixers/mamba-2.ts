/**
 * Mamba-2: a state-space model whose decay is one number per head, computed by products within chunks.
 * Axes: B batch, T time, D model, H heads of P channels (I = H·P), G groups that share N-wide input and output maps,
 * C convolved channels, W taps; columns are […features, B, T].
 */
import { z } from "zod";
import {
  type CausalConvInput,
  type CausalConvResult,
  causalConv,
  causalConvStep,
  convolveParts,
  type DecayScanInput,
  type DecayScanResult,
  decayScan,
  decayStep,
  fromColumns,
  rmsScale,
  toColumns,
} from "../../ops/index.ts";
import { silu, type Tensor } from "../../tensor/index.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { chunkTokens } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { bias, gain, matrix, tensor, vector } from "../weights/declare.ts";
import { value, type Weight, type Weights } from "../weights/use.ts";
import { kernelInit, logRateInit, stepSizeInit } from "./mamba-init.ts";

const config = z.strictObject({
  heads: z.int().positive().default(8).describe("number of heads; must divide expand × model width"),
  expand: z.number().positive().default(2).describe("inner width / model width"),
  state: z.int().positive().default(64).describe("width N of the state per channel"),
  groups: z.int().positive().default(1).describe("groups of heads that share B and C; must divide heads"),
  conv: z.int().min(2).default(4).describe("taps of the short convolution, in tokens"),
  chunk: chunkTokens(64),
  norm: z
    .enum(["after-gate", "before-gate", "none"])
    .default("after-gate")
    .describe("where y is RMS-normalised, per group"),
  epsilon: z.number().positive().default(1e-5).describe("added to the mean square of the norm"),
  dtMin: z.number().nonnegative().default(0).describe("lower limit of the step size"),
  dtMax: z.number().positive().optional().describe("upper limit of the step size; absent means none"),
  bias: z.boolean().default(false).describe("whether the projections have a bias"),
  convBias: z.boolean().default(true).describe("whether the convolution has a bias"),
});
type C = z.infer<typeof config>;

function dims(c: C, D: number) {
  const I = c.expand * D;
  const G = c.groups;
  return { D, I, H: c.heads, P: I / c.heads, G, R: c.heads / G, N: c.state, C: I + 2 * G * c.state, W: c.conv };
}
type Sizes = ReturnType<typeof dims>;

/** The paper's in_proj is z, x, [B, C] and dt, each a matrix of its own: slicing one product would copy it. */
function params({ D, I, H, G, N, C, W }: Sizes, c: C) {
  return {
    z: matrix(D, I),
    x: matrix(D, I),
    bc: matrix(D, 2 * G * N),
    dt: matrix(D, H),
    conv: tensor([C, W], kernelInit(W)),
    dtBias: vector(H, stepSizeInit()),
    logA: vector(H, logRateInit()),
    skip: vector(H, 1),
    ...(c.convBias && { convBias: bias(C, kernelInit(W)) }),
    ...(c.norm !== "none" && { norm: gain(I) }),
    ...(c.bias && { zBias: bias(I), xBias: bias(I), bcBias: bias(2 * G * N), outBias: bias(D) }),
    out: matrix(I, D, { init: "residual" }),
  };
}

const state = ({ C, W, H, P, N }: Sizes) => ({ conv: [C, W - 1], ssm: [H, P, N] });

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

/** The two recurrences, over all times at once or by one time. */
interface Form {
  conv: (input: CausalConvInput) => CausalConvResult;
  scan: (input: DecayScanInput) => DecayScanResult;
}

export const mamba2 = defineMixer({
  kind: "mamba-2",
  title: "Mamba-2",
  cite: { arxiv: "2405.21060", by: "Dao & Gu 2024" },
  patterns: ["higher-order", "multi-x", "data-gating", "moving-average"],
  equations: [
    "[z, x, B, C, Δ] = W x_t;  [x, B, C] ← silu(conv(x, B, C));  Δ ← softplus(Δ + b)",
    "S_t = exp(−Δ_t e^logA) S_{t−1} + Δ_t x_t B_tᵀ   (per head)",
    "y_t = S_t C_t + skip · x_t",
    "out = W_out RMSNorm(y_t ⊙ silu(z_t))",
  ],
  config,
  dims,
  params,
  tune: [{ key: "state", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: ({ dtMin, dtMax }) => ({
    flow: "causal",
    state: "finite",
    length: "any",
    batch: "independent",
    exact: "bitwise",
    smooth: dtMin === 0 && dtMax === undefined ? "everywhere" : "away from ties",
  }),
  state,
  forward: (x_BTD, at) =>
    mix(x_BTD, at, { conv: causalConv, scan: (input) => decayScan({ ...input, chunk: at.c.chunk }) }),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, { conv: causalConvStep, scan: decayStep })),
});

/** A step size whose writes vanish in f32 and f64 beside any other; its logarithm is finite. */
const negligible = 1e-30;

function mix(x_BTD: Tensor, at: At, form: Form) {
  const { d, p, s } = at;
  const { x, bc, conv } = convolved(x_BTD, at, form);
  const dt_HBT = stepSizes(x_BTD, at);
  const x_HPBT = x.reshape([d.H, d.P, ...x.shape.slice(1)]);
  const { o_HVBT, S_BHVK } = form.scan({
    q_GKBT: bc.slice(0, d.G * d.N).reshape([d.G, d.N, ...x.shape.slice(1)]),
    k_GKBT: bc.slice(0, 0, d.G * d.N).reshape([d.G, d.N, ...x.shape.slice(1)]),
    v_HVBT: x_HPBT,
    logDecay_HBT: dt_HBT.mul(column(p.logA).exp().neg()),
    logWrite_HBT: dt_HBT.maximum(negligible).log(),
    S_BHVK: s.ssm,
  });
  const y_HPBT = o_HVBT.add(x_HPBT.mul(column(p.skip).unsqueeze(-1)));
  return { y: output(y_HPBT, x_BTD, at), s: { conv, ssm: S_BHVK } };
}

/** x and [B, C] after the short convolution and silu, as columns, and the convolution's state. */
function convolved(x_BTD: Tensor, { p, s, io }: At, { conv }: Form) {
  const parts = [biased(toColumns(x_BTD, value(p.x)), p.xBias), biased(toColumns(x_BTD, value(p.bc)), p.bcBias)];
  const result = convolveParts(conv, parts, {
    kernel_CK: value(p.conv),
    bias_C: p.convBias && value(p.convBias),
    state_BCP: s.conv,
    mask_BT: io.mask_BT,
  });
  const [x, bc] = result.parts.map(silu);
  return { x: x!, bc: bc!, conv: result.state_BCP };
}

/** Δ [H, B, T]; 0 at padding, which then neither decays nor writes the state. */
function stepSizes(x_BTD: Tensor, { c, p, io }: At): Tensor {
  const dt = biased(toColumns(x_BTD, value(p.dt)), p.dtBias).softplus();
  const floored = c.dtMin > 0 ? dt.maximum(c.dtMin) : dt;
  const limited = c.dtMax === undefined ? floored : floored.minimum(c.dtMax);
  return io.mask_BT ? limited.mul(io.mask_BT.cast("f32")) : limited;
}

/** Gate, norm and projection; the norm's gain multiplies the matrix, which is smaller than the columns. */
function output(y_HPBT: Tensor, x_BTD: Tensor, { c, d, p }: At): Tensor {
  const gate = silu(biased(toColumns(x_BTD, value(p.z)), p.zBias)).reshape([
    d.G,
    d.I / d.G,
    x_BTD.dim(0),
    x_BTD.dim(1),
  ]);
  const y = y_HPBT.reshape(gate.shape);
  const normed =
    c.norm === "none"
      ? y.mul(gate)
      : c.norm === "after-gate"
        ? rmsScale(y.mul(gate), 1, c.epsilon)
        : rmsScale(y, 1, c.epsilon).mul(gate);
  const out = p.norm ? value(p.out).mul(value(p.norm).unsqueeze(1)) : value(p.out);
  const rows = fromColumns(normed, out);
  return p.outBias ? rows.add(value(p.outBias)) : rows;
}

/** A weight per channel against columns. */
const column = (weight: Weight): Tensor => value(weight).reshape([-1, 1, 1]);
const biased = (x_CBT: Tensor, bias: Weight | undefined): Tensor => (bias ? x_CBT.add(column(bias)) : x_CBT);
