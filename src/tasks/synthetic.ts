import type { Engine } from "../engine/index.ts";
import type { BuiltModel } from "../spec/index.ts";
import { fail } from "../tensor/index.ts";
import type { Dataset, Score, ScoreOptions } from "./dataset.ts";
import { createTaskEvaluator } from "./evaluate.ts";
import { testRatio } from "./part.ts";
import { type ConfiguredTask, parseTask } from "./registry.ts";
import type { TaskScore } from "./score.ts";
import { type Lengths, lengthsWithin } from "./sizes.ts";
import { type StreamOptions, type TaskWindows, taskBatches, taskWindows } from "./stream.ts";
import { chance } from "./task.ts";
import { taskPairs } from "./task-pairs.ts";

export interface SyntheticOptions {
  kind: string;
  settings?: Readonly<Record<string, unknown>>;
  /** T, places of a window in training. */
  length: number;
  /** Lengths of the training examples, as the task counts them; default: from half of the longest that fits to it. */
  lengths?: Partial<Lengths>;
  /** Lengths of the test examples, longer ones to see whether the rule was learnt; default: those of training. */
  testLengths?: Lengths;
  /** Test examples, default 512. */
  examples?: number;
  /** Of the test examples: the same for all models and training seeds. Default 0. */
  seed?: number;
}

type TestOptions = StreamOptions & { count: number };

/**
 * A synthetic task as data: training examples without end, test examples that never come in training.
 * Throws E_TASK_KIND, E_TASK_CONFIG, E_TASK_LENGTH, E_TASK_FEATURES.
 */
export function syntheticDataset(options: SyntheticOptions): Dataset {
  const configured = parseTask(options.kind, options.settings);
  const { task, c } = configured;
  if (task.features !== undefined) failFeatures(configured);
  const { length: T, examples = 512, seed = 0 } = options;
  const lengths = lengthsWithin(configured, T, options.lengths);
  const tested = testOptions(configured, { seed, length: T, lengths, count: examples }, options.testLengths);
  const sequences = sequencesOf(configured, { lengths, tested, examples });
  const pairs = task.separator && taskPairs({ configured, train: { length: T, lengths }, test: tested });
  const served = ({ model }: BuiltModel) => (pairs !== undefined && model.readsSource ? pairs : sequences);
  return {
    kind: task.kind,
    name: task.kind,
    objectives: pairs === undefined ? ["next-token"] : ["next-token", "sequence-to-sequence"],
    tokens: task.vocabulary(c),
    ...(pairs && { codec: pairs.codec, held: pairs.held }),
    facts: {
      task: task.kind,
      settings: JSON.parse(JSON.stringify(c)) as Record<string, string | number | boolean | null>,
      lengths: { ...lengths },
      testLengths: { least: tested.lengths!.least!, most: tested.lengths!.most! },
      testExamples: examples,
      testSeed: seed,
      testRatio,
      chance: chance(task, c),
    },
    bitsPer: "answer",
    batches: (built, config) => served(built).batches(built, config),
    validation: (built, config) => served(built).validation(built, config),
    score: (engine, built, asked) => served(built).score!(engine, built, asked),
  };
}

interface Sequences {
  lengths: Lengths;
  tested: TestOptions;
  /** Test examples. */
  examples: number;
}

type Served = Pick<Dataset, "batches" | "validation" | "score">;

/** Question and answer in one sequence, for models that go on with what they read. */
function sequencesOf(configured: ConfiguredTask, { lengths, tested, examples }: Sequences): Served {
  return {
    batches: (_, { seed, batch, length }) => taskBatches(configured, { seed, batch, length, lengths }),
    validation(_, { batch }) {
      const windows = taskWindows(configured, { ...tested, count: Math.ceil(examples / batch) * batch });
      // Nothing is text: an answer counts as one byte, so that bits per byte are bits per answer.
      const bytes = windows.mask.reduce((sum, bit) => sum + bit, 0);
      return { windows: { ...windows, inputs: windows.inputs as Int32Array }, bytes };
    },
    score: (engine, built, asked) => score({ engine, built }, configured, { ...tested, ...limited(asked, examples) }),
  };
}

/** Windows of the test examples: wide enough for the longest. */
function testOptions({ task, c }: ConfiguredTask, train: TestOptions, lengths?: Lengths): TestOptions {
  if (lengths === undefined) return train;
  return { ...train, lengths, length: Math.max(train.length, task.window(lengths.most, c)) };
}

const limited = ({ examples }: ScoreOptions = {}, all: number) => ({ count: Math.min(examples ?? all, all) });

const scoredAtOnce = 32;

async function score(
  { engine, built }: { engine: Engine; built: BuiltModel },
  configured: ConfiguredTask,
  options: TestOptions,
): Promise<Score[]> {
  const windows: TaskWindows = taskWindows(configured, options);
  const evaluator = await createTaskEvaluator(engine, built, { windows, batch: Math.min(scoredAtOnce, windows.count) });
  const found = await evaluator.run();
  await evaluator.dispose();
  return scoresOf(found, chance(configured.task, configured.c));
}

function scoresOf({ accuracy, exactMatch, places, examples }: TaskScore, guessed: number): Score[] {
  const share = { unit: "share", better: "higher" } as const;
  return [
    {
      name: "exact match",
      value: exactMatch,
      ...share,
      signature: `${examples} test examples, all of their answers right`,
    },
    { name: "accuracy", value: accuracy, ...share, signature: `${places} answers`, chance: guessed },
  ];
}

function failFeatures({ task }: ConfiguredTask): never {
  fail({
    code: "E_TASK_FEATURES",
    where: `task.${task.kind}`,
    expected: "a task whose sequences are ids",
    got: `${task.features} features a place`,
    hint: "Its examples can be drawn, but no command trains on features yet.",
  });
}
