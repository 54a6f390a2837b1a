import { z } from "zod";
import { adamw } from "./adamw.ts";
import { defineOptimizer } from "./define.ts";
import { betaField, decayField, rateField, weightDecayField } from "./fields.ts";
import { average } from "./moments.ts";
import { orthogonalise } from "./newton-schulz.ts";

/** Factor of the step by rows A and columns B of a matrix. */
const scales = {
  original: (rows: number, columns: number) => Math.sqrt(Math.max(1, rows / columns)),
  "match-rms": (rows: number, columns: number) => 0.2 * Math.sqrt(Math.max(rows, columns)),
  spectral: (rows: number, columns: number) => Math.sqrt(rows / columns),
} as const;

/** Orthogonalised momentum for matrices (also stacked ones, over their last two axes); the others are moved by AdamW (Jordan et al. 2024). */
export const muon = defineOptimizer({
  kind: "muon",
  title: "Muon: momentum orthogonalised by Newton–Schulz",
  cite: { by: "Jordan et al. 2024", url: "https://kellerjordan.github.io/posts/muon/" },
  config: z.strictObject({
    learningRate: rateField(0.02).describe("peak step size of matrices; that of the others is others.learningRate"),
    weightDecay: weightDecayField(0.1),
    decay: decayField("decoupled"),
    momentum: betaField(0.95, "decay of the mean gradient"),
    nesterov: z.boolean().default(true).describe("orthogonalise gradient and momentum mixed once more"),
    iterations: z.int().positive().default(5).describe("Newton–Schulz iterations"),
    coefficients: z.array(z.number()).length(3).default([3.4445, -4.775, 2.0315]).describe("of X, XXᵀX and (XXᵀ)²X"),
    scale: z
      .enum(["original", "match-rms", "spectral"])
      .default("original")
      .describe("how the step depends on a matrix's shape"),
    epsilon: z.number().positive().default(1e-7).describe("least norm that is divided by"),
    others: adamw.config.prefault({}).describe("AdamW of the parameters that are no matrices"),
  }),
  scope: "tensor",
  slots: ["b"],
  others: (c) => ({ definition: adamw, c: c.others }),
  update({ p, g, slots, scalars, c }) {
    const b = average(slots.b, g, c.momentum);
    const direction = orthogonalise(c.nesterov ? average(b, g, c.momentum) : b, c);
    return { p: p.sub(direction.mul(scalars.learningRate.mul(scales[c.scale](p.dim(-2), p.dim(-1))))), slots: { b } };
  },
});
