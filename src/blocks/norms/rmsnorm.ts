import { z } from "zod";
import { rmsNorm } from "../../tensor/index.ts";
import { defineNorm } from "../define.ts";
import { gain } from "../weights/declare.ts";
import { value } from "../weights/use.ts";

/** Root-mean-square norm over the last axis: x / √(mean x² + ε) · g. */
export const rmsnorm = defineNorm({
  kind: "rmsnorm",
  title: "RMSNorm",
  cite: { arxiv: "1910.07467", by: "Zhang & Sennrich 2019" },
  equations: ["y = x / √(mean(x²) + ε) · g"],
  config: z.strictObject({ epsilon: z.number().positive().default(1e-5).describe("added to the mean square") }),
  dims: (_c, D) => ({ D }),
  params: ({ D }) => ({ gain: gain(D) }),
  forward: (x, { c, p }) => ({ y: rmsNorm(x, value(p.gain), c.epsilon) }),
});
