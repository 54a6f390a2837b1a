/** Tasks of questions and answers as pairs, for models that read one sequence and write another. */
import {
  createPairBatches,
  type PairBatches,
  type Pairs,
  pairWindows,
  type Ragged,
  type TextPair,
} from "../data/index.ts";
import type { Engine } from "../engine/index.ts";
import { createTranslator } from "../generate/index.ts";
import type { BuiltModel } from "../spec/index.ts";
import type { EvaluationText, TrainingConfig } from "../train/index.ts";
import type { Codec } from "./codec.ts";
import type { Score, ScoreOptions } from "./dataset.ts";
import type { ConfiguredTask } from "./registry.ts";
import { examplesOf, type StreamOptions } from "./stream.ts";
import { symbolCodec } from "./symbol-codec.ts";
import type { Answered } from "./task.ts";

/** Training pairs that are drawn for a seed; an epoch goes through all of them. */
const drawnPairs = 16_384;
/** Test examples whose answers are shown. */
const shownPairs = 200;
/** Sources that are answered side by side. */
const together = 64;

interface Pair {
  source: Int32Array;
  target: Int32Array;
}

/** How the pairs are drawn: training ones, and the test ones, which are the same for all models. */
export interface TaskPairOptions {
  configured: ConfiguredTask;
  train: Omit<StreamOptions, "seed">;
  test: StreamOptions & { count: number };
}

export interface TaskPairs {
  /** Symbols by their names, numbers where the task has none. */
  codec: Codec;
  held: readonly TextPair[];
  batches(built: BuiltModel, config: TrainingConfig): PairBatches;
  validation(built: BuiltModel, config: TrainingConfig): EvaluationText;
  score(engine: Engine, built: BuiltModel, options?: ScoreOptions): Promise<Score[]>;
}

/** The task must have a separator. */
export function taskPairs({ configured, train, test }: TaskPairOptions): TaskPairs {
  const { task, c } = configured;
  const codec = symbolCodec(task.names?.(c) ?? Array.from({ length: task.vocabulary(c) }, (_, id) => String(id)));
  const tested = once(() => drawPairs(configured, "test", { ...test }));
  const drawn = new Map<number, Pairs>();
  const trained = (seed: number): Pairs => {
    const pairs = drawn.get(seed) ?? pairsOf(drawPairs(configured, "train", { ...train, seed, count: drawnPairs }));
    drawn.set(seed, pairs);
    return pairs;
  };
  const window = task.window(Math.max(train.lengths?.most ?? 0, test.lengths?.most ?? 0), c) + 1;
  return {
    codec,
    get held() {
      return tested()
        .slice(0, shownPairs)
        .map(({ source, target }) => ({ source: codec.decodeTarget(source), target: codec.decodeTarget(target) }));
    },
    batches: (built, { seed, batch, length, accumulate: multiple }) =>
      createPairBatches({
        pairs: trained(seed),
        ...{ seed, tokens: batch * length, longest: window, multiple },
        ...endsOf(built),
      }),
    validation: (built, { batch }) => ({
      windows: pairWindows(pairsOf(tested()), { ...endsOf(built), multipleOf: batch }),
      // An answer counts as one byte, so that bits per byte are bits per answer.
      bytes: tested().reduce((sum, { target }) => sum + target.length, 0),
    }),
    score: (engine, built, options) => scored({ engine, built, configured, pairs: tested() }, options),
  };
}

const endsOf = ({ extraTokens }: BuiltModel) => ({ start: extraTokens["start"]!, end: extraTokens["end"]! });

function once<T>(compute: () => T): () => T {
  let known: { value: T } | undefined;
  return () => {
    known ??= { value: compute() };
    return known.value;
  };
}

type Drawing = StreamOptions & { count: number };

/** What stands in front of the separator, and what is scored behind it. */
function drawPairs(configured: ConfiguredTask, part: "train" | "test", { count, ...options }: Drawing): Pair[] {
  const at = examplesOf(configured, part, options);
  const separator = configured.task.separator!(configured.c);
  return Array.from({ length: count }, (_, index) => {
    const { inputs, targets, mask } = at(index);
    const ids = inputs as Int32Array;
    return { source: ids.slice(0, ids.indexOf(separator)), target: targets.filter((_, place) => mask[place] === 1) };
  });
}

const ragged = (all: readonly Int32Array[]): Ragged => ({
  count: all.length,
  at: (i) => all[i]!,
  length: (i) => all[i]!.length,
});

const pairsOf = (all: readonly Pair[]): Pairs => ({
  count: all.length,
  source: ragged(all.map(({ source }) => source)),
  target: ragged(all.map(({ target }) => target)),
});

interface Scored {
  engine: Engine;
  built: BuiltModel;
  configured: ConfiguredTask;
  pairs: readonly Pair[];
}

/** What the model writes, greedily, beside what is right. */
async function scored(
  { engine, built, configured: { task, c }, pairs }: Scored,
  { examples = pairs.length, signal, onProgress }: ScoreOptions = {},
): Promise<Score[]> {
  const chosen = pairs.slice(0, examples);
  const extraTokens = chosen.reduce((most, { source, target }) => Math.max(most, target.length - source.length), 0) + 8;
  const translator = createTranslator(engine, built, { beams: 1, batch: together, extraTokens });
  const answered: Answered[] = [];
  try {
    for (let first = 0; first < chosen.length; first += together) {
      const part = chosen.slice(first, first + together);
      const answers = await translator.translate(
        part.map(({ source }) => source),
        { ...(signal && { signal }) },
      );
      answers.forEach(([best], i) => void answered.push({ answer: [...best!.tokens], right: [...part[i]!.target] }));
      onProgress?.(answered.length, chosen.length);
    }
  } finally {
    await translator.dispose();
  }
  const right = answered.filter(({ answer, right }) => answer.join() === right.join()).length;
  return [
    {
      name: "exact match",
      value: answered.length === 0 ? 0 : right / answered.length,
      ...{ unit: "share", better: "higher" },
      signature: `${answered.length} test examples, greedy`,
    },
    ...(task.judge?.(answered, c) ?? []),
  ];
}
