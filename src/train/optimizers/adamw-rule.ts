import type { UpdateRule } from "../../engine/index.ts";
import { createOptimizer, type Optimizer } from "./create.ts";
import { optimizerSchema } from "./registry.ts";

interface AdamwSettings {
  beta1: number;
  beta2: number;
  epsilon?: number;
}

/** AdamW for loops that drive a trainer themselves: its groups give `weightDecay`, its steps `adamScalars`. */
export const adamw = (c: AdamwSettings): UpdateRule => optimizerOf(c).of({ role: "matrix" }).rule;

/** Numbers of AdamW's step t = 1, 2, … at a learning rate. */
export const adamScalars = (c: AdamwSettings, t: number, learningRate: number): Record<string, number> => ({
  ...optimizerOf(c).scalarsAt(t),
  learningRate,
});

const optimizerOf = (c: AdamwSettings): Optimizer =>
  createOptimizer(
    optimizerSchema.parse({
      kind: "adamw",
      beta1: c.beta1,
      beta2: c.beta2,
      ...(c.epsilon !== undefined && { epsilon: c.epsilon }),
    }),
  );
