import { z } from "zod";
import { defineChannel } from "../define.ts";
import { bias, matrix } from "../weights/declare.ts";
import { linear } from "../weights/use.ts";
import { activationSchema, activations, smoothnessOf } from "./activation.ts";

/** Gated linear unit: (φ(x·W) ⊙ x·V)·W₂; φ = silu is SwiGLU, gelu GeGLU, relu ReGLU, sigmoid GLU, identity bilinear. */
export const swiglu = defineChannel({
  kind: "swiglu",
  title: "SwiGLU",
  cite: { arxiv: "2002.05202", by: "Shazeer 2020, eq. 6" },
  equations: ["y = (φ(x·W) ⊙ x·V)·W₂"],
  config: z.strictObject({
    hidden: z.int().positive().optional().describe("hidden width; default 8/3 of the model width, to a multiple of 8"),
    activation: activationSchema.default("silu").describe("nonlinearity φ of the gate"),
    bias: z.boolean().default(false).describe("whether the products have offsets"),
  }),
  dims: (c, D) => ({ D, F: c.hidden ?? gatedHidden(D) }),
  params: ({ D, F }, c) => ({
    gate: matrix(D, F),
    up: matrix(D, F),
    down: matrix(F, D, { init: "residual" }),
    ...(c.bias && { gateBias: bias(F), upBias: bias(F), downBias: bias(D) }),
  }),
  tune: [{ key: "hidden", unit: 1 }],
  capabilities: ({ activation }) => ({
    flow: "both",
    length: "any",
    batch: "independent",
    smooth: smoothnessOf(activation),
    exact: "bitwise",
  }),
  forward(x, { c, p }) {
    const gate = activations[c.activation](linear(x, p.gate, p.gateBias));
    return { y: linear(gate.mul(linear(x, p.up, p.upBias)), p.down, p.downBias) };
  },
});

/** With 8/3 of the width, three matrices hold about what two of a plain net with 4 times the width do. */
export function gatedHidden(width: number): number {
  return Math.ceil((8 * width) / 3 / 8) * 8;
}
