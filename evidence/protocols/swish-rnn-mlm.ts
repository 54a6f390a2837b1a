import type { Claim, Protocol } from "../../scripts/evidence/protocol.ts";
import { fitCharTokenizer, loadCorpus, splitCorpus } from "../../src/data/index.ts";
import { createNodeEngine } from "../../src/engine/index.ts";
import { parameterCount } from "../../src/model/index.ts";
import { type BuiltModel, buildSpec, canonicalSpec } from "../../src/spec/index.ts";
import { createEvaluator, createTraining, trainingSchema } from "../../src/train/index.ts";

const seeds = [0, 1, 2];
const settings = {
  ...{ trainCharacters: 400_000, testCharacters: 4096, windows: 32 },
  ...{ width: 64, heads: 4, inner: 32, steps: 600, batch: 16, length: 32, learningRate: 0.004 },
};
const models = ["attention alone", "beside SwishRNN"] as const;
type Model = (typeof models)[number];

/** One training; bits of each character of the test text, the others seen. */
export type RecurrenceRun = { model: Model; seed: number; parameters: number; bitsPerCharacter: number };

/** Masked language models over characters: SwishRNN in both directions behind each attention, its parameters taken from the nets (Lei et al. 2022). */
export const protocol: Protocol = {
  name: "swish-rnn-mlm",
  rows: ["swish-rnn"],
  minutes: 2,
  async run(report) {
    const text = await characters();
    const runs: RecurrenceRun[] = [];
    for (const model of models)
      for (const seed of seeds) {
        const run = await trainOne(text, model, seed);
        report(`${model}, ${run.parameters} parameters, seed ${seed}: ${run.bitsPerCharacter.toFixed(3)} bits`);
        runs.push(run);
      }
    return { seeds, claims: [recurrenceClaim(runs)], figures: { settings, runs } };
  },
};

/** The row asks for a measurement at equal parameters: it holds where all trainings gave numbers, with parameters within 1 %. */
export function recurrenceClaim(runs: readonly RecurrenceRun[]): Claim {
  const own = (model: Model) => runs.filter((run) => run.model === model);
  const [first] = runs;
  const holds =
    models.every((model) => own(model).length === seeds.length) &&
    runs.every(
      ({ parameters, bitsPerCharacter }) =>
        Number.isFinite(bitsPerCharacter) && Math.abs(parameters / first!.parameters - 1) < 0.01,
    );
  const line = (model: Model) =>
    `${model} (${own(model)[0]?.parameters} parameters) ${own(model)
      .map(({ bitsPerCharacter }) => bitsPerCharacter.toFixed(3))
      .join(", ")}`;
  return { row: "swish-rnn", holds, text: `bits a character, one left out at a time: ${models.map(line).join("; ")}` };
}

async function characters() {
  const { train, validation } = splitCorpus(await loadCorpus("builtin"));
  const tokenizer = fitCharTokenizer(train.text);
  return {
    train: tokenizer.encode(train.text.slice(0, settings.trainCharacters)),
    held: tokenizer.encode(validation.text.slice(0, settings.testCharacters)),
    vocabulary: tokenizer.size,
  };
}

/** The net has less what the recurrence has: three matrices of each direction, and one of 2·width rows that joins both. */
function built(model: Model, tokens: number): BuiltModel {
  const { width, heads, inner } = settings;
  const attention = { kind: "attention", heads, causal: false, positions: { kind: "rope" } };
  const recurrence = { kind: "bidirectional", mixer: { kind: "swish-rnn", inner, bias: false } };
  const layers =
    model === "attention alone"
      ? [{ repeat: 2, mixer: attention, channel: { kind: "mlp", hidden: 4 * width, bias: false } }]
      : [1, 2].flatMap(() => [
          { mixer: attention },
          { mixer: recurrence, channel: { kind: "mlp", hidden: 3 * width - 3 * inner, bias: false } },
        ]);
  const embedding = { kind: "token", scale: "sqrt-width", std: 0.5 };
  const spec = { name: "m", width, embedding, layers, objective: { kind: "masked-lm" } };
  return buildSpec(canonicalSpec(spec as never), { tokens });
}

type Text = Awaited<ReturnType<typeof characters>>;

async function trainOne({ train, held, vocabulary }: Text, model: Model, seed: number): Promise<RecurrenceRun> {
  const { steps, batch, length, learningRate, windows } = settings;
  const engine = createNodeEngine({ threads: 1 });
  try {
    const chosen = built(model, vocabulary);
    const config = trainingSchema.parse({ ...{ seed, steps, batch, length }, optimizer: { learningRate } });
    const training = await createTraining(engine, chosen, { ids: train, config });
    await training.advanceBy(steps);
    // A character counts as one byte here.
    const text = { ids: held, bytes: held.length };
    const evaluator = await createEvaluator(engine, chosen, { text, shape: { batch: 32, length }, windows });
    const { bitsPerByte } = await training.evaluated(() => evaluator.run());
    await evaluator.dispose();
    await training.dispose();
    return { model, seed, parameters: parameterCount(chosen.model.parameters), bitsPerCharacter: bitsPerByte };
  } finally {
    await engine.close();
  }
}
