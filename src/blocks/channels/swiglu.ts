import { z } from "zod";
import { fail, layerNorm, type Tensor } from "../../tensor/index.ts";
import { defineChannel } from "../define.ts";
import { bias, gain, matrix } from "../weights/declare.ts";
import { linear, value, type Weight } from "../weights/use.ts";
import { activate, activationParams, hiddenActivationSchema, hiddenSmoothness } from "./learned-activation.ts";

/** Gated linear unit: (φ(x·W) ⊙ x·V)·W₂; φ = silu is SwiGLU, gelu GeGLU, relu ReGLU, sigmoid GLU, identity bilinear. */
export const swiglu = defineChannel({
  kind: "swiglu",
  title: "SwiGLU",
  cite: { arxiv: "2002.05202", by: "Shazeer 2020, eq. 6" },
  patterns: ["higher-order", "data-gating"],
  equations: ["y = (φ(x·W) ⊙ x·V)·W₂"],
  config: z.strictObject({
    hidden: z.int().positive().optional().describe("hidden width; default 8/3 of the model width, to a multiple of 8"),
    activation: hiddenActivationSchema
      .default("silu")
      .describe("nonlinearity φ of the gate; some have parameters of their own"),
    bias: z.boolean().default(false).describe("whether the products have offsets"),
    softClamp: z
      .strictObject({
        gate: z.number().positive().default(4).describe("largest magnitude of the gate's product"),
        up: z.number().positive().default(25).describe("largest magnitude of the other"),
      })
      .optional()
      .describe(
        "with silu or gelu: c·tanh(· / c) of what is gated and of the factor x in x·σ(x) or x·Φ(x) (default: none)",
      ),
    hiddenGain: z.boolean().default(false).describe("whether the gated product has a learned factor per feature"),
    hiddenNorm: z
      .boolean()
      .default(false)
      .describe("whether the gated product is normed, with gain and offset (EVA-02)"),
    hiddenEpsilon: z.number().positive().default(1e-5).describe("added to the variance by hiddenNorm"),
  }),
  dims(c, D) {
    if (c.softClamp && c.activation !== "silu" && c.activation !== "gelu")
      fail({
        code: "E_SPEC_VALUE",
        where: "swiglu.activation",
        expected: "silu or gelu with softClamp",
        got: c.activation,
      });
    return { D, F: c.hidden ?? gatedHidden(D) };
  },
  params: ({ D, F }, c) => ({
    gate: matrix(D, F),
    up: matrix(D, F),
    down: matrix(F, D, { init: "residual" }),
    ...(c.bias && { gateBias: bias(F), upBias: bias(F), downBias: bias(D) }),
    ...((c.hiddenGain || c.hiddenNorm) && { hiddenGain: gain(F) }),
    ...(c.hiddenNorm && { hiddenBias: bias(F) }),
    ...activationParams(c.activation, F),
  }),
  tune: [{ key: "hidden", unit: 1 }],
  capabilities: ({ activation }) => ({
    flow: "both",
    length: "any",
    batch: "independent",
    smooth: hiddenSmoothness(activation),
    exact: "bitwise",
  }),
  forward(x, { c, p }) {
    const [open, up] = [linear(x, p.gate, p.gateBias), linear(x, p.up, p.upBias)];
    const hidden = c.softClamp
      ? softly(open, c.softClamp.gate).mul(share(c.activation, open)).mul(softly(up, c.softClamp.up))
      : activate(c.activation, open, p).mul(up);
    return { y: linear(scaled(hidden, p, c.hiddenEpsilon), p.down, p.downBias) };
  },
});

const softly = (x: Tensor, limit: number): Tensor => x.div(limit).tanh().mul(limit);

/** φ(x) / x of silu and gelu. */
const share = (activation: string, x: Tensor): Tensor =>
  activation === "silu" ? x.sigmoid() : x.mul(Math.SQRT1_2).erf().add(1).mul(0.5);

/** Normed where there is an offset, else multiplied by the gain where there is one. */
function scaled(
  hidden: Tensor,
  { hiddenGain, hiddenBias }: { hiddenGain?: Weight; hiddenBias?: Weight },
  epsilon: number,
): Tensor {
  if (hiddenGain === undefined) return hidden;
  if (hiddenBias === undefined) return hidden.mul(value(hiddenGain));
  return layerNorm(hidden, value(hiddenGain), value(hiddenBias), epsilon);
}

/** With 8/3 of the width, three matrices hold about what two of a plain net with 4 times the width do. */
export function gatedHidden(width: number): number {
  return Math.ceil((8 * width) / 3 / 8) * 8;
}
