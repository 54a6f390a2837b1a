import { z } from "zod";
import type { ParameterDeclaration } from "../blocks/index.ts";
import type { UpdateRule } from "../engine/index.ts";

export const optimizerSchema = z.strictObject({
  kind: z.literal("adamw").default("adamw"),
  learningRate: z.number().positive().default(3e-3).describe("peak step size"),
  beta1: z.number().min(0).lt(1).default(0.9),
  beta2: z.number().min(0).lt(1).default(0.99),
  epsilon: z.number().positive().default(1e-8),
  weightDecay: z
    .number()
    .min(0)
    .default(0.1)
    .describe("decoupled, times the learning rate; on matrices only unless decayAll"),
  decayAll: z.boolean().default(false).describe("decay gains, biases and embeddings too"),
  clipNorm: z.number().positive().nullable().default(1).describe("largest global gradient norm; null: no clipping"),
});
export type OptimizerConfig = z.output<typeof optimizerSchema>;

/**
 * AdamW (Loshchilov & Hutter 2019, algorithm 2): decoupled decay, bias-corrected moments.
 * Scalars: `learningRate`, `correction1 = 1 − β₁ᵗ`, `correction2 = 1 − β₂ᵗ`, `gradScale` (clipping), `weightDecay` of the group.
 */
export function adamw({ beta1, beta2, epsilon }: Pick<OptimizerConfig, "beta1" | "beta2" | "epsilon">): UpdateRule {
  return {
    slots: ["m", "v"],
    scalars: ["learningRate", "correction1", "correction2", "gradScale", "weightDecay"],
    update({ p, g, slots, scalars }) {
      const scaled = g.mul(scalars["gradScale"]!);
      const m = slots["m"]!.mul(beta1).add(scaled.mul(1 - beta1));
      const v = slots["v"]!.mul(beta2).add(scaled.mul(scaled).mul(1 - beta2));
      const direction = m.div(scalars["correction1"]!).div(v.div(scalars["correction2"]!).sqrt().add(epsilon));
      const step = direction.add(p.mul(scalars["weightDecay"]!)).mul(scalars["learningRate"]!);
      return { p: p.sub(step), slots: { m, v } };
    },
  };
}

/** Numbers of step t (from 1) for every parameter. */
export function adamScalars(
  { beta1, beta2 }: Pick<OptimizerConfig, "beta1" | "beta2">,
  t: number,
  learningRate: number,
): Record<string, number> {
  return { learningRate, correction1: 1 - beta1 ** t, correction2: 1 - beta2 ** t };
}

/** Numbers of a parameter's group: only matrices decay unless all do. */
export function groupScalars(
  { role }: ParameterDeclaration,
  { weightDecay, decayAll }: OptimizerConfig,
): Record<string, number> {
  return { weightDecay: decayAll || role === "matrix" ? weightDecay : 0 };
}
