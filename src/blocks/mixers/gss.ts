/**
 * Gated state space (GSS): a diagonal state-space model over a narrow projection of the tokens gates a wide one.
 * Axes: B batch, T time, D model, H channels of the state-space model, N complex states, F width of the gate.
 */
import { z } from "zod";
import {
  complexExp,
  complexExpm1,
  complexProduct,
  complexReciprocal,
  diagonalSystem,
  levelsOf,
  ltiScan,
} from "../../ops/index.ts";
import { gelu, layerNorm, type Tensor } from "../../tensor/index.ts";
import { recurrent } from "../capabilities.ts";
import { defineMixer, type MaybeState, type MixerContext } from "../define.ts";
import { chunkOfPowerOfTwo } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { bias, gain, matrix, tensor, vector } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";
import { everyCopy } from "./lti-layer.ts";

const config = z.strictObject({
  channels: z
    .int()
    .positive()
    .optional()
    .describe("channels of the state-space model (default: a quarter of the width)"),
  states: z.int().positive().default(64).describe("complex states of each channel; all channels share their rates"),
  expand: z.number().positive().default(2).describe("width of the gate / model width"),
  chunk: chunkOfPowerOfTwo(64),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({
  D,
  H: c.channels ?? Math.max(1, Math.floor(D / 4)),
  N: c.states,
  F: c.expand * D,
});
type Sizes = ReturnType<typeof dims>;

/** All states start to fall alike, and turn by 0 to half a circle in a step. */
const params = ({ D, H, N, F }: Sizes) => ({
  wide: matrix(D, F),
  narrow: matrix(D, H),
  normGain: gain(H),
  normOffset: bias(H),
  logRate: vector(N, Math.log(0.5)),
  frequency: vector(N, everyCopy(Array.from({ length: N }, (_, n) => (Math.PI * n) / N))),
  C: tensor([H, N, 2], { kind: "normal", std: 1 / Math.sqrt(N) }),
  skip: vector(H, { kind: "normal", std: 1 }),
  back: matrix(H, F),
  out: matrix(F, D, { init: "residual" }),
  outBias: bias(D),
});
type P = Weights<ReturnType<typeof params>>;

/** Real parts, then imaginary parts. */
const state = ({ H, N }: Sizes) => ({ x: [H, 2 * N] });

type At = MixerContext<C, Sizes, P, MaybeState<ReturnType<typeof state>>>;

export const gss = defineMixer({
  kind: "gss",
  title: "Gated state space (GSS)",
  cite: { arxiv: "2206.13947", by: "Mehta et al. 2022; DSS: Gupta et al. 2022" },
  patterns: ["higher-order", "data-gating"],
  equations: [
    "u = gelu(W_wide x),  v = LayerNorm(gelu(W_narrow x))",
    "s_t = e^λ s_{t−1} + (e^λ − 1)/λ v_t,  y = Re(C s) + skip ⊙ v,  λ = −e^logRate + i frequency   (shared by all channels)",
    "out = W_out (W_back y ⊙ u) + b",
  ],
  config,
  dims,
  params,
  tune: [{ key: "channels", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: recurrent,
  state,
  forward: mix,
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => mix(x_BTD, at)),
});

function mix(x_BTD: Tensor, { c, p, s, io }: At) {
  const v = layerNorm(gelu(linear(x_BTD, p.narrow)), value(p.normGain), value(p.normOffset));
  const { ys, s_CBS } = ltiScan({
    us: [v.transpose([2, 0, 1])],
    system: systemOf(p, levelsOf(c.chunk, x_BTD.dim(1))),
    s_CBS: s.x?.transpose([1, 0, 2]),
    mask_BT: io.mask_BT,
  });
  const seen = ys[0]!.transpose([1, 2, 0]).add(v.mul(value(p.skip)));
  const gated = linear(seen, p.back).mul(gelu(linear(x_BTD, p.wide)));
  return { y: linear(gated, p.out, p.outBias), s: { x: s_CBS.transpose([1, 0, 2]) } };
}

function systemOf(p: P, levels: number) {
  const H = value(p.skip).dim(0);
  const rate = { re: value(p.logRate).exp().neg(), im: value(p.frequency) };
  const perChannel = (x: Tensor) => x.unsqueeze(0).expand([H, x.dim(0)]);
  const [decay, input] = [complexExp(rate), complexProduct(complexExpm1(rate), complexReciprocal(rate))];
  const C = value(p.C);
  return diagonalSystem(
    {
      decay: { re: perChannel(decay.re), im: perChannel(decay.im) },
      input: { re: perChannel(input.re), im: perChannel(input.im) },
      output: { re: C.at(2, 0), im: C.at(2, 1) },
    },
    levels,
  );
}
