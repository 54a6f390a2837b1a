import { z } from "zod";
import { ones, rmsNorm } from "../../tensor/index.ts";
import { defineNorm } from "../define.ts";
import { bias, gain } from "../weights/declare.ts";
import { value } from "../weights/use.ts";

/** Root-mean-square norm over the last axis: x / √(mean x² + ε) · g, and an offset where it is asked for. */
export const rmsnorm = defineNorm({
  kind: "rmsnorm",
  title: "RMSNorm",
  cite: { arxiv: "1910.07467", by: "Zhang & Sennrich 2019" },
  equations: ["y = x / √(mean(x²) + ε) · g + b"],
  config: z.strictObject({
    epsilon: z.number().positive().default(1e-5).describe("added to the mean square"),
    gain: z.boolean().default(true).describe("whether a learned gain per feature follows"),
    bias: z.boolean().optional().describe("whether a learned offset per feature follows (default: none)"),
  }),
  dims: (_c, D) => ({ D }),
  params: ({ D }, c) => ({ ...(c.gain && { gain: gain(D) }), ...(c.bias && { bias: bias(D) }) }),
  forward(x, { c, d, p }) {
    const y = rmsNorm(x, p.gain ? value(p.gain) : ones([d.D]), c.epsilon);
    return { y: p.bias ? y.add(value(p.bias)) : y };
  },
});
