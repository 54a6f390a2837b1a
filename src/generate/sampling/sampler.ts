import { z } from "zod";
import type { Rng } from "../../ops/index.ts";
import { fail } from "../../tensor/index.ts";
import { minP, penaliseRepetition, temper, topK, topP } from "./filters.ts";
import { argmax, type Logits, softmax } from "./softmax.ts";

export const samplerSchema = z.strictObject({
  temperature: z
    .number()
    .nonnegative()
    .default(1)
    .describe("divides the scores: below 1 sharper, above 1 flatter; 0 takes the likeliest token"),
  topK: z.int().positive().optional().describe("draw among the k likeliest tokens"),
  topP: z
    .number()
    .positive()
    .max(1)
    .optional()
    .describe("draw among the likeliest tokens that together have this probability"),
  minP: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe("draw among tokens at least this many times as likely as the likeliest"),
  repetitionPenalty: z
    .number()
    .positive()
    .default(1)
    .describe("makes tokens of prompt and text less likely to come again; 1 changes nothing"),
});
export type SamplerConfig = z.output<typeof samplerSchema>;
export type SamplerInput = z.input<typeof samplerSchema>;

/** Where the next token is drawn: what stands before it, and a number uniform in [0, 1). */
export interface Draw {
  /** Ids of prompt and text so far. */
  ids: Iterable<number>;
  uniform: () => number;
}

/** Chooses the next id from the scores of all. */
export type Sampler = (logits: Logits, draw: Draw) => number;

/** Settings with their defaults. Throws E_SAMPLER. */
export function parseSampler(options: SamplerInput = {}): SamplerConfig {
  const result = samplerSchema.safeParse(options);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  return fail({
    code: "E_SAMPLER",
    where: ["sampler", ...path].join("."),
    expected: `settings of a sampler (${Object.keys(samplerSchema.shape).join(", ")})`,
    got: message,
  });
}

/** Penalty, temperature, top-k, top-p, min-p, in this order, each on what the one before leaves. */
export function createSampler(options: SamplerInput = {}): Sampler {
  const config = parseSampler(options);
  return (logits, { ids, uniform }) => {
    const penalised =
      config.repetitionPenalty === 1 ? logits : penaliseRepetition(logits, config.repetitionPenalty, ids);
    if (config.temperature === 0) return argmax(penalised);
    return drawFrom(softmax(filtered(penalised, config)), uniform());
  };
}

/** Always the likeliest token, the first of equals. */
export const greedy: Sampler = (logits) => argmax(logits);

function filtered(logits: Logits, config: SamplerConfig): Float64Array {
  let scores = temper(logits, config.temperature);
  if (config.topK !== undefined) scores = topK(scores, config.topK);
  if (config.topP !== undefined) scores = topP(scores, config.topP);
  return config.minP === undefined ? scores : minP(scores, config.minP);
}

/** The id at which the running sum of the probabilities passes u. */
export function drawFrom(probabilities: ArrayLike<number>, u: number): number {
  let sum = 0;
  let last = 0;
  for (let id = 0; id < probabilities.length; id++) {
    if (probabilities[id] === 0) continue;
    sum += probabilities[id]!;
    last = id;
    if (u < sum) return id;
  }
  return last; // rounding may leave the sum just below 1
}

/** The draw of the token at `position`: a function of the stream's key and the position alone. */
export const uniformAt = (rng: Rng, position: number): number => rng.fork(position).uniform();
