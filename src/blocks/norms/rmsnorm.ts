import { z } from "zod";
import { ones, rmsNorm } from "../../tensor/index.ts";
import { defineNorm } from "../define.ts";
import { gain } from "../weights/declare.ts";
import { value } from "../weights/use.ts";

/** Root-mean-square norm over the last axis: x / √(mean x² + ε) · g. */
export const rmsnorm = defineNorm({
  kind: "rmsnorm",
  title: "RMSNorm",
  cite: { arxiv: "1910.07467", by: "Zhang & Sennrich 2019" },
  equations: ["y = x / √(mean(x²) + ε) · g"],
  config: z.strictObject({
    epsilon: z.number().positive().default(1e-5).describe("added to the mean square"),
    gain: z.boolean().default(true).describe("whether a learned gain per feature follows"),
  }),
  dims: (_c, D) => ({ D }),
  params: ({ D }, c) => ({ ...(c.gain && { gain: gain(D) }) }),
  forward: (x, { c, d, p }) => ({ y: rmsNorm(x, p.gain ? value(p.gain) : ones([d.D]), c.epsilon) }),
});
