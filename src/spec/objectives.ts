import { z } from "zod";
import type { Capabilities } from "../blocks/index.ts";

/** What the spec must know of an objective; its loss lives with training. */
export interface ObjectiveDeclaration {
  title: string;
  config: z.ZodObject;
  /** What every mixer's flow must be; any where the whole sequence is read before the answer. */
  flow: "causal" | "bidirectional" | "any";
  /** Whether an encoder reads a source. */
  source?: boolean;
  /** Ids beyond the tokenizer's that the model must know, e.g. the mask. */
  extraTokens: readonly string[];
}

const labelSmoothing = z
  .number()
  .min(0)
  .lt(1)
  .default(0)
  .describe("ε of the smoothed target (1 − ε)·onehot + ε/V, 0 … 1");

/** Objectives by kind. */
export const objectives = {
  "next-token": {
    title: "Next-token prediction",
    config: z.strictObject({ labelSmoothing }),
    flow: "causal",
    extraTokens: [],
  },
  "sequence-to-sequence": {
    title: "Sequence to sequence",
    config: z.strictObject({ labelSmoothing }),
    flow: "causal",
    source: true,
    extraTokens: ["start", "end"],
  },
  "masked-diffusion": {
    title: "Masked diffusion (LLaDA)",
    config: z.strictObject({
      epsilon: z
        .number()
        .positive()
        .lt(1)
        .default(1e-3)
        .describe("smallest masking probability in training: p = (1 − ε)·t + ε"),
      steps: z.int().positive().default(32).describe("denoising steps per generated block"),
      block: z
        .int()
        .positive()
        .default(32)
        .describe("tokens denoised together; blocks follow one another from left to right"),
    }),
    flow: "bidirectional",
    extraTokens: ["mask"],
  },
} as const satisfies Record<string, ObjectiveDeclaration>;

export type ObjectiveKind = keyof typeof objectives;

/** Whether a stack's flow serves an objective. */
export function serves(flow: Capabilities["flow"], objective: ObjectiveDeclaration["flow"]): boolean {
  return objective === "any" || flow === "both" || flow === objective;
}
