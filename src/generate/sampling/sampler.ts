import { z } from "zod";
import type { Rng } from "../../ops/index.ts";
import { fail } from "../../tensor/index.ts";
import { type Place, processors, shapeScores } from "./processors.ts";
import { argmax, type Logits, softmax } from "./softmax.ts";

type Shape = { [Name in keyof typeof processors]: (typeof processors)[Name]["schema"] };
const shape = Object.fromEntries(Object.entries(processors).map(([name, { schema }]) => [name, schema])) as Shape;

export const samplerSchema = z.strictObject(shape);
export type SamplerConfig = z.output<typeof samplerSchema>;
export type SamplerInput = z.input<typeof samplerSchema>;

/** Where the next token is drawn: what stands before it, and a number uniform in [0, 1). */
export interface Draw extends Place {
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

/**
 * Every processor that has a setting shapes the scores, in the order of their table; the token is drawn from what they leave.
 * The sampler throws E_SAMPLER_EMPTY where nothing is left.
 */
export function createSampler(options: SamplerInput = {}): Sampler {
  const config = parseSampler(options);
  return (logits, { ids, uniform }) => {
    const scores = shapeScores(logits, config, { ids });
    if (scores[argmax(scores)] === Number.NEGATIVE_INFINITY) failEmpty();
    return drawFrom(softmax(scores), uniform());
  };
}

function failEmpty(): never {
  fail({
    code: "E_SAMPLER_EMPTY",
    where: "sampler",
    expected: "at least one token that may come next",
    got: "none",
    hint: "Forbid fewer tokens, or let longer sequences repeat.",
  });
}

/** Always the likeliest token, the first of equals. */
export const greedy: Sampler = (logits) => argmax(logits);

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
