import { z } from "zod";
import { biasSequences, forbid, hastenEnd } from "./constraints.ts";
import { cutBelow, cutByEntropy, keepOnly, minP, temper, topH, topK, topP, typical } from "./filters.ts";
import { forbidNgrams, penaliseRepetition } from "./repetition.ts";
import { argmax, type Logits } from "./softmax.ts";

/** What stands before the scores. */
export interface Place {
  /** Ids of prompt and text so far. */
  ids: readonly number[];
}

/** A setting of a sampler, and what it does to scores where it is given. */
const option = <S extends z.ZodType>(
  schema: S,
  process: (logits: Logits, value: NonNullable<z.output<S>>, place: Place) => Logits,
) => ({ schema, process });

const ids = z.array(z.int().nonnegative()).min(1);
const share = z.number().positive().max(1);

/** Everything that shapes the scores, in the order in which it does, each on what the one before leaves. */
export const processors = {
  bias: option(
    z
      .array(z.strictObject({ ids: ids.describe("tokens in a row"), bias: z.number().describe("added to the last") }))
      .optional()
      .describe("adds to the score of the token that would complete a sequence"),
    (logits, biases, place) => biasSequences(logits, biases, place.ids),
  ),
  repetitionPenalty: option(
    z
      .number()
      .positive()
      .default(1)
      .describe("makes tokens of prompt and text less likely to come again; 1 changes nothing"),
    (logits, penalty, place) => (penalty === 1 ? logits : penaliseRepetition(logits, penalty, place.ids)),
  ),
  noRepeatNgram: option(
    z.int().positive().optional().describe("no so many tokens in a row come twice in prompt and text"),
    (logits, n, place) => forbidNgrams(logits, n, place),
  ),
  forbidden: option(
    z.array(ids).optional().describe("sequences that are never completed"),
    (logits, sequences, place) =>
      biasSequences(
        logits,
        sequences.map((sequence) => ({ ids: sequence, bias: Number.NEGATIVE_INFINITY })),
        place.ids,
      ),
  ),
  minLength: option(
    z
      .strictObject({
        tokens: z.int().nonnegative().describe("of prompt and text"),
        end: ids.describe("tokens at which the text ends"),
      })
      .optional()
      .describe("the text does not end while prompt and text are shorter"),
    (logits, { tokens, end }, place) => (place.ids.length < tokens ? forbid(logits, end) : logits),
  ),
  endPressure: option(
    z
      .strictObject({
        tokens: z.int().nonnegative().describe("of prompt and text, from which on it grows"),
        factor: z.number().positive().describe("of each token more"),
        end: ids.describe("tokens at which the text ends"),
      })
      .optional()
      .describe("lets the text end more readily the longer it is"),
    (logits, { tokens, ...pressure }, place) => hastenEnd(logits, { ...pressure, excess: place.ids.length - tokens }),
  ),
  temperature: option(
    z
      .number()
      .nonnegative()
      .default(1)
      .describe("divides the scores: below 1 sharper, above 1 flatter; 0 takes the likeliest token"),
    (logits, temperature) => (temperature === 0 ? keepOnly(logits, [argmax(logits)]) : temper(logits, temperature)),
  ),
  topH: option(
    share.optional().describe("draw among the likeliest tokens that hold this share of the entropy"),
    (logits, part) => topH(logits, part),
  ),
  topK: option(z.int().positive().optional().describe("draw among the k likeliest tokens"), (logits, k) =>
    topK(logits, k),
  ),
  topP: option(
    share.optional().describe("draw among the likeliest tokens that together have this probability"),
    (logits, p) => topP(logits, p),
  ),
  minP: option(
    z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe("draw among tokens at least this many times as likely as the likeliest"),
    (logits, ratio) => minP(logits, ratio),
  ),
  typical: option(
    share.optional().describe("draw among tokens of this probability whose surprise is nearest to the mean surprise"),
    (logits, mass) => typical(logits, mass),
  ),
  epsilon: option(share.optional().describe("draw among tokens of at least this probability"), (logits, least) =>
    cutBelow(logits, least),
  ),
  eta: option(
    share.optional().describe("as epsilon, with a lower bound where the distribution is flat"),
    (logits, epsilon) => cutByEntropy(logits, epsilon),
  ),
} as const;

interface Option {
  process(logits: Logits, value: unknown, place: Place): Logits;
}

/** Scores after all processors that have a setting. */
export function shapeScores(logits: Logits, settings: Readonly<Record<string, unknown>>, place: Place): Logits {
  return Object.entries<Option>(processors).reduce(
    (scores, [name, row]) => (settings[name] === undefined ? scores : row.process(scores, settings[name], place)),
    logits,
  );
}
