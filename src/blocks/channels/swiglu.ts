import { z } from "zod";
import { layerNorm, type Tensor } from "../../tensor/index.ts";
import { defineChannel } from "../define.ts";
import { bias, gain, matrix } from "../weights/declare.ts";
import { linear, value, type Weight } from "../weights/use.ts";
import { activate, activationParams, hiddenActivationSchema, hiddenSmoothness } from "./learned-activation.ts";

/** Gated linear unit: (φ(x·W) ⊙ x·V)·W₂; φ = silu is SwiGLU, gelu GeGLU, relu ReGLU, sigmoid GLU, identity bilinear. */
export const swiglu = defineChannel({
  kind: "swiglu",
  title: "SwiGLU",
  cite: { arxiv: "2002.05202", by: "Shazeer 2020, eq. 6" },
  equations: ["y = (φ(x·W) ⊙ x·V)·W₂"],
  config: z.strictObject({
    hidden: z.int().positive().optional().describe("hidden width; default 8/3 of the model width, to a multiple of 8"),
    activation: hiddenActivationSchema
      .default("silu")
      .describe("nonlinearity φ of the gate; some have parameters of their own"),
    bias: z.boolean().default(false).describe("whether the products have offsets"),
    hiddenGain: z.boolean().default(false).describe("whether the gated product has a learned factor per feature"),
    hiddenNorm: z
      .boolean()
      .default(false)
      .describe("whether the gated product is normed, with gain and offset (EVA-02)"),
    hiddenEpsilon: z.number().positive().default(1e-5).describe("added to the variance by hiddenNorm"),
  }),
  dims: (c, D) => ({ D, F: c.hidden ?? gatedHidden(D) }),
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
    const gate = activate(c.activation, linear(x, p.gate, p.gateBias), p);
    const hidden = gate.mul(linear(x, p.up, p.upBias));
    return { y: linear(scaled(hidden, p, c.hiddenEpsilon), p.down, p.downBias) };
  },
});

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
