import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fitCharTokenizer, splitCorpus } from "../../data/index.ts";
import { createNodeEngine, type Engine } from "../../engine/index.ts";
import { type BuiltModel, buildSpec, canonicalSpec } from "../../spec/index.ts";
import { textDataset } from "../../tasks/index.ts";
import { createEvaluator, createTraining, type Evaluation, trainingSchema } from "../../train/index.ts";
import { createGenerator } from "../index.ts";

const bias = { kind: "t5-bias" };
const spec = canonicalSpec({
  name: "t5-like",
  width: 32,
  embedding: { kind: "token", std: 0.5 },
  head: { kind: "lm", tied: false },
  encoder: {
    layers: [
      {
        mixer: { kind: "attention", heads: 4, causal: false, positions: { ...bias, sides: "both" } },
        channel: { kind: "swiglu" },
      },
    ],
  },
  layers: [
    {
      mixer: { kind: "attention", heads: 4, positions: bias },
      cross: { kind: "cross-attention", heads: 4 },
      channel: { kind: "swiglu" },
    },
  ],
  objective: { kind: "span-corruption", density: 0.25, sentinels: 12 },
});

/** Runs of one letter: what is left out stands beside it. */
const letters = "abcdef";
const text = Array.from({ length: 60 }, (_, i) => letters[(i * 7 + Math.floor(i / 6)) % 6]!.repeat(50)).join("");
const tokenizer = fitCharTokenizer(text);
let engine: Engine;
let built: BuiltModel;
let [before, after]: Evaluation[] = [];
beforeAll(async () => {
  engine = createNodeEngine({ threads: 1 });
  const corpus = { name: "letters", text, bytes: text.length, sha256: "" };
  const dataset = textDataset({ name: "letters", split: splitCorpus(corpus), tokenizer });
  built = buildSpec(spec, { tokens: dataset.tokens });
  const config = trainingSchema.parse({ steps: 200, batch: 16, length: 32, optimizer: { learningRate: 0.01 } });
  const training = await createTraining(engine, built, { batches: dataset.batches(built, config), config });
  const held = dataset.validation(built, config);
  const evaluator = await createEvaluator(engine, built, { text: held, shape: config });
  before = await evaluator.run();
  await training.advanceBy(config.steps);
  after = await evaluator.run();
  await evaluator.dispose();
}, 60_000);
afterAll(() => engine.close());

describe("span corruption on a plain text", () => {
  test("learns what was left out, and tells it as pseudo-likelihood of every byte", () => {
    expect(before!.kind).toBe("pseudo");
    expect(before!.bitsPerByte).toBeGreaterThan(5);
    // Without the source, the first letter of a span of three would cost log2 6 bits.
    expect(after!.bitsPerByte).toBeLessThan((0.6 * Math.log2(6)) / 3);
  });

  test("writes on, span by span, never a sentinel", async () => {
    const generator = createGenerator(engine, built, { context: 32 });
    for (const letter of ["b", "e"]) {
      const prompt = tokenizer.encode(letter.repeat(24));
      const { tokens } = await generator.generate({ prompt, tokens: 18, sampler: { temperature: 0 } });
      expect(tokens).toEqual(tokenizer.encode(letter.repeat(18)));
    }
    const request = { prompt: tokenizer.encode("cccc"), tokens: 30, seed: 3, sampler: { temperature: 3 } };
    const { tokens } = await generator.generate(request);
    expect(tokens.every((id) => id < tokenizer.size)).toBe(true);
    expect((await generator.generate(request)).tokens).toEqual(tokens);
    await expect(generator.generate({ ...request, suffix: request.prompt })).rejects.toThrow(/E_SUFFIX/);
    await generator.dispose();
  });
});

test("an encoder and layers that read it are needed", () => {
  const { encoder: _, ...bare } = spec;
  const layers = bare.layers.map(({ cross: _c, ...layer }) => layer);
  expect(() => buildSpec({ ...bare, layers }, { tokens: 5 })).toThrow(/as the objective "span-corruption" requires/);
});
