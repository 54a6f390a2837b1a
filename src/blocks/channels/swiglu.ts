import { z } from "zod";
import { defineChannel } from "../define.ts";
import { matrix } from "../weights/declare.ts";
import { linear } from "../weights/use.ts";
import { activationSchema, activations } from "./activation.ts";

/** Gated linear unit: (φ(x·W) ⊙ x·V)·W₂; φ = silu is SwiGLU, gelu GeGLU, relu ReGLU, sigmoid GLU, identity bilinear. */
export const swiglu = defineChannel({
  kind: "swiglu",
  title: "SwiGLU",
  cite: { arxiv: "2002.05202", by: "Shazeer 2020, eq. 6" },
  equations: ["y = (φ(x·W) ⊙ x·V)·W₂"],
  config: z.strictObject({
    hidden: z.int().positive().optional().describe("hidden width; default 8/3 of the model width, to a multiple of 8"),
    activation: activationSchema.default("silu").describe("nonlinearity φ of the gate"),
  }),
  dims: (c, D) => ({ D, F: c.hidden ?? Math.ceil((8 * D) / 3 / 8) * 8 }),
  params: ({ D, F }) => ({ gate: matrix(D, F), up: matrix(D, F), down: matrix(F, D, { init: "residual" }) }),
  tune: [{ key: "hidden", unit: 1 }],
  capabilities: ({ activation }) => ({
    flow: "both",
    length: "any",
    batch: "independent",
    smooth: activation === "relu" ? "away from ties" : "everywhere",
    exact: "bitwise",
  }),
  forward: (x, { c, p }) => ({ y: linear(activations[c.activation](linear(x, p.gate)).mul(linear(x, p.up)), p.down) }),
});
