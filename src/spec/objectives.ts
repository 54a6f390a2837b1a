import { z } from "zod";
import type { Capabilities, IoField } from "../blocks/index.ts";
import { keptSchedules, maskSchedules, noiseKinds } from "../ops/index.ts";

/** What the spec must know of an objective; its loss lives with training. */
export interface ObjectiveDeclaration {
  title: string;
  config: z.ZodObject;
  /** What every mixer's flow must be; any where the whole sequence is read before the answer. */
  flow: "causal" | "bidirectional" | "any";
  /** What an encoder reads: a source that comes with the data, or the text itself with parts left out. Absent: there is none. */
  source?: "given" | "of-text";
  /** Whether one answer stands for the whole sequence. Absent: token. */
  per?: "token" | "sequence";
  /** Whether heads beside the main one may answer tokens further ahead. Absent: not. */
  ahead?: true;
  /** What its batches carry beside the input, of what parts may need. Absent: nothing. */
  feeds?: readonly IoField[];
  /** The option without which it carries none of that. Absent: it always does. */
  feedsWith?: string;
  /** Ids beyond the tokenizer's that the model must know, e.g. the mask: by name, in order. */
  extraTokens: readonly string[] | ((objective: Readonly<Record<string, unknown>>) => readonly string[]);
}

const labelSmoothing = z
  .number()
  .min(0)
  .lt(1)
  .default(0)
  .describe("ε of the smoothed target (1 − ε)·onehot + ε/V, 0 … 1");

const denoising = {
  steps: z.int().positive().default(32).describe("denoising steps per generated block"),
  block: z
    .int()
    .positive()
    .default(32)
    .describe("tokens denoised together; blocks follow one another from left to right"),
};

/** Objectives by kind. */
export const objectives = {
  "next-token": {
    title: "Next-token prediction",
    config: z.strictObject({ labelSmoothing }),
    flow: "causal",
    ahead: true,
    extraTokens: [],
  },
  "sequence-to-sequence": {
    title: "Sequence to sequence",
    config: z.strictObject({ labelSmoothing }),
    flow: "causal",
    ahead: true,
    source: "given",
    extraTokens: ["start", "end"],
  },
  "span-corruption": {
    title: "Span corruption (T5)",
    config: z.strictObject({
      density: z.number().positive().max(0.5).default(0.15).describe("share of the tokens that are left out, 0 … 0.5"),
      span: z.number().min(1).default(3).describe("mean tokens of a span that is left out"),
      sentinels: z
        .int()
        .positive()
        .max(10_000)
        .default(100)
        .describe("ids that stand for spans, beyond the tokenizer's: most spans of a window"),
      labelSmoothing,
    }),
    flow: "causal",
    source: "of-text",
    extraTokens: ({ sentinels }) => [
      "start",
      "end",
      ...Array.from({ length: sentinels as number }, (_, i) => `sentinel${i}`),
    ],
  },
  denoising: {
    title: "Denoising of text (BART)",
    config: z.strictObject({
      noise: z
        .array(z.enum(noiseKinds))
        .min(1)
        .default(["infill", "permute"])
        .describe(
          "what is done to the text, one after another: ids masked or deleted, spans infilled by one mask each, sentences permuted, the text rotated",
        ),
      share: z
        .number()
        .positive()
        .max(0.9)
        .default(0.3)
        .describe("of the tokens that mask, delete and infill take away, 0 … 0.9"),
      span: z
        .number()
        .positive()
        .default(3)
        .describe("mean tokens of a span that infill replaces, drawn from Poisson's"),
      labelSmoothing,
    }),
    flow: "causal",
    source: "of-text",
    extraTokens: ["start", "end", "mask"],
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
      sampler: z
        .enum(["low-confidence", "random", "ancestral"])
        .default("low-confidence")
        .describe(
          "how text is written: places revealed surest first or in random order (LLaDA), or each at a time of its own, drawn as the noise has it (MDLM)",
        ),
      pace: z
        .enum(["even", "linear", "cosine"])
        .default("even")
        .describe("places that a step reveals: even shares, or MaskGIT's linear or cosine counts, few at first"),
      ...denoising,
    }),
    flow: "bidirectional",
    extraTokens: ["mask"],
  },
  d3pm: {
    title: "Discrete diffusion (D3PM)",
    config: z.strictObject({
      transition: z
        .enum(["absorbing", "uniform"])
        .default("absorbing")
        .describe("what noise makes of a token: the mask, or any token of the vocabulary"),
      schedule: z
        .enum(keptSchedules)
        .default("reciprocal")
        .describe("share of tokens left after t of T steps: reciprocal, 1 − t/T, or cosine"),
      times: z.int().min(1).max(10_000).default(128).describe("T, steps of the noise, of which the bound is the sum"),
      lambda: z
        .number()
        .min(0)
        .default(0.001)
        .describe("λ: weight of −log p(x₀ | x_t) of every token beside the variational bound"),
      timeFeatures: z
        .int()
        .positive()
        .refine((width) => width % 2 === 0, "an even number")
        .optional()
        .describe(
          "width of the sines and cosines of the time that parts read as their condition: adaptive-norm, condition-gate (default: the model is not told the time)",
        ),
      ...denoising,
    }),
    flow: "bidirectional",
    feeds: ["cond_BTD"],
    feedsWith: "timeFeatures",
    extraTokens: ({ transition }) => (transition === "absorbing" ? ["mask"] : []),
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
