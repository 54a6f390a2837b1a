import type { Claim, Protocol } from "../../scripts/evidence/protocol.ts";
import { antidiagonal, drawReversals, type Reversal } from "../../scripts/evidence/reversals.ts";
import { collectPairs, createPairBatches } from "../../src/data/index.ts";
import { createNodeEngine, type Engine } from "../../src/engine/index.ts";
import { alignmentOf, createTranslator } from "../../src/generate/index.ts";
import { parameterCount } from "../../src/model/index.ts";
import { type BuiltModel, buildSpec, loadSpec } from "../../src/spec/index.ts";
import { createTraining, trainingSchema } from "../../src/train/index.ts";

const seeds = [0, 1, 2];
const names = ["seq2seq-2014", "bahdanau"] as const;
const settings = { symbols: 4, pairs: 8192, tested: 128, batch: 64, learningRate: 0.005 };
const tasks = [
  { label: "3 to 10 symbols", least: 3, most: 10, testLeast: 3, steps: 2500 },
  { label: "20 symbols", least: 5, most: 20, testLeast: 20, steps: 1500 },
] as const;
type Task = (typeof tasks)[number];

/** One training, and what the model answers to sources that never came in training. */
export type ReversalRun = {
  model: (typeof names)[number];
  task: Task["label"];
  seed: number;
  parameters: number;
  /** Nats a token, last step. */
  lastLoss: number;
  /** Share of greedy answers that are right as a whole. */
  exactMatch: number;
  /** Of the first layer with attention, over the longest sources; see `antidiagonal`. Null without attention. */
  alignment: { weight: number; near: number } | null;
};

/** Reversal by the tiny forms of Sutskever et al. 2014 (states alone) and Bahdanau et al. 2014 (additive attention), the same steps for both. */
export const protocol: Protocol = {
  name: "reversal-translators",
  rows: ["seq2seq-2014", "bahdanau-nmt"],
  minutes: 4,
  async run(report) {
    const runs: ReversalRun[] = [];
    for (const task of tasks)
      for (const model of names)
        for (const seed of seeds) {
          const run = await trainOne({ model, task, seed });
          report(`${run.task}, ${model}, seed ${seed}: exact match ${run.exactMatch}`);
          runs.push(run);
        }
    return { seeds, claims: reversalClaims(runs), figures: { settings, tasks, runs } };
  },
};

interface Choice {
  model: ReversalRun["model"];
  task: Task;
  seed: number;
}

async function trainOne({ model, task, seed }: Choice): Promise<ReversalRun> {
  const engine = createNodeEngine({ threads: 1 });
  try {
    const built = buildSpec(loadSpec(`tiny/${model}`), { tokens: settings.symbols });
    const config = trainingSchema.parse({
      ...{ seed, steps: task.steps, batch: settings.batch, length: task.most + 1 },
      optimizer: { kind: "adamw", learningRate: settings.learningRate },
      schedule: { kind: "cosine", floorRatio: 0 },
    });
    const training = await createTraining(engine, built, { config, batches: await batchesOf(built, task, seed) });
    let lastLoss = Number.NaN;
    while (training.step < config.steps) ({ loss: lastLoss } = await training.advance());
    const found = await training.evaluated(() => answersOf(engine, built, task));
    await training.dispose();
    return { model, task: task.label, seed, parameters: parameterCount(built.model.parameters), lastLoss, ...found };
  } finally {
    await engine.close();
  }
}

async function batchesOf({ extraTokens }: BuiltModel, { least, most }: Task, seed: number) {
  const { symbols, pairs: count, batch } = settings;
  const drawn = drawReversals("train", { symbols, least, most, count, seed });
  const ends = { start: extraTokens["start"]!, end: extraTokens["end"]! };
  const shape = { tokens: batch * (most + 1), longest: most + 1, buckets: 3 };
  return createPairBatches({ pairs: await collectPairs(asStream(drawn), "reversals"), seed, ...shape, ...ends });
}

async function* asStream(drawn: readonly Reversal[]) {
  yield* drawn;
}

/** The test examples are the same for all models and seeds. */
async function answersOf(engine: Engine, built: BuiltModel, { testLeast: least, most }: Task) {
  const { symbols, tested: count } = settings;
  const drawn = drawReversals("test", { symbols, least, most, count, seed: 0 });
  const translator = createTranslator(engine, built, { beams: 1, batch: 64, extraTokens: 4 });
  const answers = await translator.translate(drawn.map(({ source }) => source));
  await translator.dispose();
  const right = answers.filter(([best], i) => best!.tokens.join() === drawn[i]!.target.join()).length;
  const maps: number[][][] = [];
  for (const { source, target } of drawn.filter(({ source }) => source.length === most).slice(0, 8)) {
    const [first] = (await alignmentOf(engine, built, { source, answer: target })).layers;
    if (first) maps.push(first.map((row) => [...row]));
  }
  return { exactMatch: right / count, alignment: maps.length === 0 ? null : antidiagonal(maps) };
}

/** What the runs say; every claim is about all seeds. */
export function reversalClaims(runs: readonly ReversalRun[]): Claim[] {
  const of = (model: ReversalRun["model"], task: Task["label"]) =>
    runs.filter((run) => run.model === model && run.task === task);
  const matches = (chosen: readonly ReversalRun[]) => chosen.map(({ exactMatch }) => exactMatch);
  const percent = (values: readonly number[]) => values.map((value) => `${(100 * value).toFixed(1)} %`).join(", ");
  const short = matches(of("seq2seq-2014", "3 to 10 symbols"));
  const [states, attention] = [matches(of("seq2seq-2014", "20 symbols")), matches(of("bahdanau", "20 symbols"))];
  const near = runs.flatMap(({ alignment }) => alignment?.near ?? []);
  return [
    {
      row: "seq2seq-2014",
      holds: short.length === seeds.length && short.every((value) => value >= 0.9),
      text: `states alone reverse 3 to 10 symbols exactly in ${percent(short)} of unseen examples`,
    },
    {
      row: "seq2seq-2014",
      holds: states.length === seeds.length && states.every((value, i) => value < attention[i]!),
      text: `at 20 symbols states alone answer ${percent(states)} exactly, additive attention ${percent(attention)}`,
    },
    {
      row: "bahdanau-nmt",
      holds: near.length === tasks.length * seeds.length && near.every((value) => value >= 0.9),
      text: `the largest weight lies on the antidiagonal or beside it for ${percent(near)} of the answers' symbols`,
    },
  ];
}
