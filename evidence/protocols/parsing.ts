import type { Claim, Protocol } from "../../scripts/evidence/protocol.ts";
import { createNodeEngine } from "../../src/engine/index.ts";
import { parameterCount } from "../../src/model/index.ts";
import { buildSpec, loadSpec } from "../../src/spec/index.ts";
import { type Score, syntheticDataset } from "../../src/tasks/index.ts";
import { createTraining, trainingSchema } from "../../src/train/index.ts";

const seeds = [0, 1, 2];
const settings = {
  spec: "tiny/transformer-base",
  words: { least: 4, most: 12 },
  tested: 512,
  ...{ steps: 1500, batch: 32, length: 60, learningRate: 0.004 },
};
/** Share of sentences whose trees are right as a whole that every seed must reach. */
const wanted = 0.9;

/** One training, and the trees that the model writes of sentences that never came in training. */
export type ParsingRun = {
  seed: number;
  parameters: number;
  /** Target symbols that were predicted in training. */
  tokens: number;
  /** Nats a symbol, last step. */
  lastLoss: number;
  exactMatch: number;
  f1: number;
  precision: number;
  recall: number;
};

/** Sentences of a small English to their trees in brackets (Vinyals et al. 2015) by the Transformer of 2017 in small, answered greedily. */
export const protocol: Protocol = {
  name: "parsing",
  rows: ["vaswani-parsing"],
  minutes: 4,
  async run(report) {
    const runs: ParsingRun[] = [];
    for (const seed of seeds) {
      const run = await trainOne(seed);
      report(`seed ${seed}: exact match ${run.exactMatch}, F1 ${run.f1}`);
      runs.push(run);
    }
    return { seeds, claims: parsingClaims(runs), figures: { settings, runs } };
  },
};

async function trainOne(seed: number): Promise<ParsingRun> {
  const { spec, words: lengths, tested: examples, steps, batch, length, learningRate } = settings;
  const engine = createNodeEngine({ threads: 1 });
  try {
    const dataset = syntheticDataset({ kind: "parsing", length, lengths, examples });
    const built = buildSpec(loadSpec(spec), { tokens: dataset.tokens });
    const config = trainingSchema.parse({
      ...{ seed, steps, batch, length },
      optimizer: { kind: "adamw", learningRate },
      schedule: { kind: "cosine", floorRatio: 0 },
    });
    const batches = dataset.batches(built, config);
    const training = await createTraining(engine, built, { config, batches });
    let lastLoss = Number.NaN;
    while (training.step < steps) ({ loss: lastLoss } = await training.advance());
    const scores = await training.evaluated(() => dataset.score!(engine, built));
    await training.dispose();
    const parameters = parameterCount(built.model.parameters);
    return { seed, parameters, tokens: batches.tokensBefore!(steps), lastLoss, ...figuresOf(scores) };
  } finally {
    await engine.close();
  }
}

function figuresOf(scores: readonly Score[]) {
  const value = (name: string) => scores.find((score) => score.name === name)!.value;
  return {
    exactMatch: value("exact match"),
    f1: value("labelled F1"),
    precision: value("labelled precision"),
    recall: value("labelled recall"),
  };
}

/** What the runs say; every claim is about all seeds. */
export function parsingClaims(runs: readonly ParsingRun[]): Claim[] {
  const percent = (values: readonly number[]) => values.map((value) => `${(100 * value).toFixed(1)} %`).join(", ");
  const all = (key: "exactMatch" | "f1") => runs.map((run) => run[key]);
  const holds = (values: readonly number[]) =>
    values.length === seeds.length && values.every((value) => value >= wanted);
  return [
    {
      row: "vaswani-parsing",
      holds: holds(all("exactMatch")),
      text: `the whole tree is right for ${percent(all("exactMatch"))} of unseen sentences of 4 to 12 words, labelled F1 ${percent(all("f1"))}`,
    },
  ];
}
