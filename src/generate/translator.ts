import type { Engine } from "../engine/index.ts";
import type { BuiltModel } from "../spec/index.ts";
import { fail } from "../tensor/index.ts";
import { beamSearch } from "./beam.ts";
import { Decoder } from "./decoding/decoder.ts";
import { nextPrefix } from "./prefix.ts";
import { argmax, logSoftmax } from "./sampling/softmax.ts";

export interface TranslatorOptions {
  /** Beams a source; 1 takes the likeliest token each time. Default 4. */
  beams?: number;
  /** α of the length penalty ((5 + length) / 6)^α (Wu et al. 2016, eq. 14). Default 0.6. */
  lengthPenalty?: number;
  /** Most tokens beyond the source's length. Default 50 (Vaswani et al. 2017, section 6.1). */
  extraTokens?: number;
  /** Sources that are decoded together with one beam. Default 16. */
  batch?: number;
}

/** One answer to a source. */
export interface Translation {
  tokens: Int32Array;
  /** Σ log p(token | before, source), its end included, nats. */
  logProb: number;
  /** logProb under the length penalty: what several answers are ranked by. */
  score: number;
}

/** Answers sources with an encoder–decoder whose parameters are resident in the engine. One call at a time. */
export interface Translator {
  /** For each source, in order, its best answers, best first (one without beams). */
  translate(sources: readonly Int32Array[], options?: { signal?: AbortSignal }): Promise<Translation[][]>;
  dispose(): Promise<void>;
}

/** Throws E_TRANSLATE where the model has no encoder. */
export function createTranslator(
  engine: Engine,
  { model, extraTokens }: BuiltModel,
  { beams = 4, lengthPenalty = 0.6, extraTokens: extra = 50, batch = 16 }: TranslatorOptions = {},
): Translator {
  const [start, end] = [extraTokens["start"], extraTokens["end"]];
  if (!model.readsSource || start === undefined || end === undefined)
    return fail({
      code: "E_TRANSLATE",
      where: model.spec.name,
      expected: 'a model with an encoder, of the objective "sequence-to-sequence"',
      got: `the objective "${model.spec.objective.kind}"`,
    });
  const decoder = new Decoder(engine, model, { batch: beams > 1 ? beams : batch, prefix: nextPrefix() });
  const limit = (source: Int32Array) => Math.min(source.length + extra, model.limit - 1);
  const search = async (source: Int32Array, signal: AbortSignal | undefined) => {
    const prompt = Int32Array.of(start);
    const options = { prompt, source, tokens: limit(source), lengthPenalty, stop: [end] };
    return beamSearch(decoder, { ...options, ...(signal && { signal }) });
  };
  return {
    async translate(sources, { signal } = {}) {
      const answers: Translation[][] = [];
      if (beams > 1) for (const source of sources) answers.push(await search(source, signal));
      else
        for (let first = 0; first < sources.length; first += batch) {
          const part = sources.slice(first, first + batch);
          answers.push(...(await greedy(decoder, part, { start, end, limit, lengthPenalty, signal })));
        }
      return answers;
    },
    dispose: () => decoder.dispose(),
  };
}

interface Answer {
  tokens: number[];
  logProb: number;
  done: boolean;
}

/** The likeliest token each time, all sources side by side; rows without a source answer the first one again. */
async function greedy(
  decoder: Decoder,
  sources: readonly Int32Array[],
  {
    start,
    end,
    limit,
    lengthPenalty,
    signal,
  }: {
    start: number;
    end: number;
    limit: (source: Int32Array) => number;
    lengthPenalty: number;
    signal: AbortSignal | undefined;
  },
): Promise<Translation[][]> {
  const rows = Array.from({ length: decoder.batch }, (_, row) => sources[row] ?? sources[0]!);
  const answers = sources.map((): Answer => ({ tokens: [], logProb: 0, done: false }));
  let logits = await decoder.prefill(
    rows.map(() => Int32Array.of(start)),
    { sources: rows, signal },
  );
  for (;;) {
    for (const [row, answer] of answers.entries())
      if (!answer.done) take(answer, logits[row]!, { end, most: limit(sources[row]!) });
    if (answers.every(({ done }) => done)) break;
    signal?.throwIfAborted();
    logits = await decoder.step(Int32Array.from(rows, (_, row) => answers[row]?.tokens.at(-1) ?? end));
  }
  return answers.map(({ tokens, logProb }) => {
    const length = tokens.length + 1;
    return [{ tokens: Int32Array.from(tokens), logProb, score: logProb / ((5 + length) / 6) ** lengthPenalty }];
  });
}

function take(answer: Answer, logits: ArrayLike<number>, { end, most }: { end: number; most: number }): void {
  const id = argmax(logits);
  answer.logProb += logSoftmax(logits)[id]!;
  if (id === end) answer.done = true;
  else {
    answer.tokens.push(id);
    answer.done = answer.tokens.length >= most;
  }
}
