import type { Claim, Protocol } from "../../scripts/evidence/protocol.ts";
import { fitCharTokenizer, loadCorpus, ngramBits, splitCorpus } from "../../src/data/index.ts";
import { createNodeEngine } from "../../src/engine/index.ts";
import { parameterCount } from "../../src/model/index.ts";
import { buildSpec, canonicalSpec } from "../../src/spec/index.ts";
import { createEvaluator, createTraining, trainingSchema } from "../../src/train/index.ts";

const seeds = [0, 1, 2];
const settings = {
  ...{ trainCharacters: 400_000, testCharacters: 20_000, ngramOrder: 4 },
  ...{ width: 64, layers: 2, steps: 400, batch: 8, length: 64, learningRate: 0.004 },
};
const mixers = { transformer: { kind: "attention", heads: 4, positions: { kind: "rope" } }, lstm: { kind: "lstm" } };
type Model = keyof typeof mixers;

export type CharacterRun = { model: Model; seed: number; parameters: number; bitsPerCharacter: number };
export interface CharacterFigures {
  /** By n-grams with contexts of 0, 1 … characters. */
  ngramBitsPerCharacter: readonly number[];
  runs: readonly CharacterRun[];
}

/** Character language models beside the entropy of the characters and beside n-grams, over one text. */
export const protocol: Protocol = {
  name: "char-lm",
  rows: ["char-lm"],
  minutes: 2,
  async run(report) {
    const text = await characters();
    const ngramBitsPerCharacter = ngramBits(text, settings.ngramOrder);
    report(`n-grams: ${ngramBitsPerCharacter.map((bits) => bits.toFixed(3)).join(", ")} bits a character`);
    const runs: CharacterRun[] = [];
    for (const model of Object.keys(mixers) as Model[])
      for (const seed of seeds) {
        const run = await trainOne(text, model, seed);
        report(`${model}, seed ${seed}: ${run.bitsPerCharacter.toFixed(3)} bits a character`);
        runs.push(run);
      }
    const figures = { ngramBitsPerCharacter, runs };
    return { seeds, claims: characterClaims(figures), figures: { settings, ...figures } };
  },
};

async function characters() {
  const { train, validation } = splitCorpus(await loadCorpus("builtin"));
  const tokenizer = fitCharTokenizer(train.text);
  return {
    train: tokenizer.encode(train.text.slice(0, settings.trainCharacters)),
    validation: tokenizer.encode(validation.text.slice(0, settings.testCharacters)),
    vocabulary: tokenizer.size,
  };
}

async function trainOne(
  { train, validation, vocabulary }: Awaited<ReturnType<typeof characters>>,
  model: Model,
  seed: number,
): Promise<CharacterRun> {
  const { width, layers: repeat, steps, batch, length, learningRate } = settings;
  const engine = createNodeEngine({ threads: 1 });
  try {
    const layer = { repeat, mixer: mixers[model], channel: { kind: "mlp", hidden: 2 * width } };
    const embedding = { kind: "token", scale: "sqrt-width", std: 0.5 };
    const spec = { name: model, width, embedding, defaults: { norm: { kind: "rmsnorm" } }, layers: [layer] };
    const built = buildSpec(canonicalSpec(spec), { tokens: vocabulary });
    const config = trainingSchema.parse({ ...{ seed, steps, batch, length }, optimizer: { learningRate } });
    const training = await createTraining(engine, built, { ids: train, config });
    await training.advanceBy(steps);
    // A character counts as one byte here.
    const evaluator = await createEvaluator(engine, built, {
      text: { ids: validation, bytes: validation.length },
      shape: config,
    });
    const { bitsPerByte: bitsPerCharacter } = await evaluator.run();
    await evaluator.dispose();
    await training.dispose();
    return { model, seed, parameters: parameterCount(built.model.parameters), bitsPerCharacter };
  } finally {
    await engine.close();
  }
}

/** What the figures say; every claim is about all seeds. */
export function characterClaims({ ngramBitsPerCharacter: ngrams, runs }: CharacterFigures): Claim[] {
  const bits = runs.map(({ bitsPerCharacter }) => bitsPerCharacter);
  const worst = Math.max(...bits);
  const beaten = ngrams.filter((one) => one > worst).length;
  return [
    {
      row: "char-lm",
      holds: bits.length === seeds.length * Object.keys(mixers).length && worst < ngrams[0]!,
      text: `${Math.min(...bits).toFixed(2)} to ${worst.toFixed(2)} bits a character, ${ngrams[0]!.toFixed(2)} by the characters' frequencies, ${ngrams
        .slice(1)
        .map((one) => one.toFixed(2))
        .join(", ")} by contexts of 1 to ${ngrams.length - 1}: every model beats the first ${beaten}`,
    },
  ];
}
