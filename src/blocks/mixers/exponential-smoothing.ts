/**
 * Exponential smoothing attention: every head an exponential moving average of its values, or of their changes.
 * Axes: B batch, T time, D model, H heads of K features; columns [D, B, T].
 */
import { z } from "zod";
import { fromColumns, linearScan, linearStep, tokenShift } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type Io, type MaybeState, type MixerContext } from "../define.ts";
import { headsOfWidth } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { bias, matrix, vector } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";

const config = z.strictObject({
  heads: headsOfWidth(),
  of: z
    .enum(["values", "changes"])
    .default("values")
    .describe("what is averaged: values, or by how much they grew since the token before (ETSformer's growth)"),
  bias: z.boolean().default(true).describe("offsets of both maps"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.heads, K: D / c.heads });
type Sizes = ReturnType<typeof dims>;

const params = ({ D, H }: Sizes, c: C) => ({
  value: matrix(D, D),
  // σ(±2): averages over about one to eight tokens.
  share: vector(H, { kind: "uniform", low: -2, high: 2 }),
  start: vector(D, { kind: "normal", std: 1 }),
  out: matrix(D, D, { init: "residual" }),
  ...(c.bias && { valueBias: bias(D), outBias: bias(D) }),
});

/** The average, and with changes the last value, both less the learned start. */
const state = ({ D }: Sizes, { of }: C): { average: number[]; last?: number[] } => ({
  average: [D],
  ...(of === "changes" && { last: [D] }),
});

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<ReturnType<typeof state>>>;

export const exponentialSmoothing = defineMixer({
  kind: "exponential-smoothing",
  title: "Exponential smoothing attention (ETSformer)",
  cite: { arxiv: "2202.01381", by: "Woo et al. 2022, section 3.2; Holt 1957" },
  patterns: ["moving-average", "multi-x"],
  equations: [
    "v = W_v x + b,  α = σ(share)  (per head)",
    "g_t = α v_t + (1 − α) g_{t−1},  g_0 learned:  g_t = Σ_j α (1 − α)^j v_{t−j} + (1 − α)^t g_0;  y = W_out g + c",
    "changes: v_t − v_{t−1} in the place of v_t, v_0 = g_0",
  ],
  config,
  dims,
  params,
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward: (x_BTD, at) => mix(x_BTD, at, linearScan),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at, linearStep as typeof linearScan)),
});

function mix(x_BTD: Tensor, { c, d, p, s, io }: At, scan: typeof linearScan) {
  const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
  const ahead_BTD = linear(x_BTD, p.value, p.valueBias).sub(value(p.start));
  const { entering, last } = c.of === "changes" ? changes(ahead_BTD, s.last, { p, io }) : { entering: ahead_BTD };
  const share_D11 = value(p.share).sigmoid().reshape([d.H, 1]).expand([d.H, d.K]).reshape([d.D, 1, 1]);
  const { h_CBT, h_BC } = scan({
    a_CBT: share_D11.neg().add(1).expand([d.D, B, T]),
    u_CBT: entering.transpose([2, 0, 1]).mul(share_D11),
    // A step is given its state.
    h_BC: s.average,
    mask_BT: io.mask_BT,
  });
  const y = fromColumns(h_CBT.add(value(p.start).reshape([d.D, 1, 1])), value(p.out));
  return { y: p.outBias ? y.add(value(p.outBias)) : y, s: { average: h_BC, ...(last && { last }) } };
}

/** Changes of values that are given less the start, less the start again: the first is that of v_1 − v_0, v_0 the start. */
function changes(ahead_BTD: Tensor, before: Tensor | undefined, { p, io }: { p: At["p"]; io: Io }) {
  const { previous, last_BD } = tokenShift({ x: ahead_BTD, time: 1, last_BD: before, mask_BT: io.mask_BT });
  return { entering: ahead_BTD.sub(previous).sub(value(p.start)), last: last_BD };
}
