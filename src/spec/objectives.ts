import { z } from "zod";
import type { Capabilities, IoField } from "../blocks/index.ts";
import { maskSchedules } from "../ops/index.ts";

/** What the spec must know of an objective; its loss lives with training. */
export interface ObjectiveDeclaration {
  title: string;
  config: z.ZodObject;
  /** What every mixer's flow must be; any where the whole sequence is read before the answer. */
  flow: "causal" | "bidirectional" | "any";
  /** Whether an encoder reads a source. */
  source?: boolean;
  /** Whether one answer stands for the whole sequence. Absent: token. */
  per?: "token" | "sequence";
  /** What its batches carry beside the input, of what parts may need. Absent: nothing. */
  feeds?: readonly IoField[];
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
      schedule: z
        .enum(maskSchedules)
        .default("llada")
        .describe(
          "how masking grows with time: llada, or MDLM's log-linear, cosine, cosine-squared, linear, geometric",
        ),
      antithetic: z
        .boolean()
        .default(false)
        .describe("spread the times of a batch's rows evenly instead of drawing each"),
      epsilon: z
        .number()
        .positive()
        .lt(1)
        .default(1e-3)
        .describe("ε of the schedule; under llada the smallest masking probability in training, p = (1 − ε)·t + ε"),
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
  "masked-lm": {
    title: "Masked language model (BERT)",
    config: z.strictObject({
      share: z.number().positive().max(0.5).default(0.15).describe("of the tokens that are predicted, 0 … 0.5"),
      mask: z.number().min(0).max(1).default(0.8).describe("of those, how many become the mask"),
      random: z
        .number()
        .min(0)
        .max(1)
        .default(0.1)
        .describe("of those, how many become a random token; the others stay"),
    }),
    flow: "bidirectional",
    extraTokens: ["mask"],
  },
  classification: {
    title: "Classification of sequences",
    config: z.strictObject({ labelSmoothing }),
    flow: "any",
    per: "sequence",
    extraTokens: [],
  },
  regression: {
    title: "Regression from sequences",
    config: z.strictObject({
      distance: z
        .enum(["squared", "absolute", "huber"])
        .default("squared")
        .describe("what is minimised: mean squared, mean absolute, or Huber's with δ = 1"),
    }),
    flow: "any",
    per: "sequence",
    extraTokens: [],
  },
} as const satisfies Record<string, ObjectiveDeclaration>;

export type ObjectiveKind = keyof typeof objectives;

/** Whether a stack's flow serves an objective. */
export function serves(flow: Capabilities["flow"], objective: ObjectiveDeclaration["flow"]): boolean {
  return objective === "any" || flow === "both" || flow === objective;
}
