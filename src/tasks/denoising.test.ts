import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sampleOf } from "../analysis/index.ts";
import { fitCharTokenizer, splitCorpus } from "../data/index.ts";
import { createNodeEngine, type Engine } from "../engine/index.ts";
import { createRng } from "../ops/index.ts";
import { buildSpec, canonicalSpec, loadSpec } from "../spec/index.ts";
import { createEvaluator, createTraining, trainingSchema } from "../train/index.ts";
import { textDataset } from "./index.ts";

/** Letters drawn one by one, of which none tells of another, in sentences of five. */
const rng = createRng(1);
const text = Array.from({ length: 40_000 }, (_, i) => (i % 6 === 5 ? "." : "abcdefgh"[rng.below(8)]!)).join("");
const tokenizer = fitCharTokenizer(text);
const corpus = { name: "letters", text, bytes: text.length, sha256: "" };
const dataset = textDataset({ name: "letters", split: splitCorpus(corpus), tokenizer });
let engine: Engine;
beforeAll(() => {
  engine = createNodeEngine({ threads: 1 });
});
afterAll(() => engine.close());

describe("[bart] restoring a spoiled text", () => {
  test("the source tells what stands in the text: fewer bits than the letters have", async () => {
    const spec = canonicalSpec({
      name: "bart-like",
      width: 32,
      embedding: { kind: "token", std: 1, positions: { kind: "learned", max: 16 } },
      encoder: { layers: [{ mixer: { kind: "attention", heads: 2, causal: false } }] },
      layers: [
        {
          mixer: { kind: "attention", heads: 2 },
          cross: { kind: "cross-attention", heads: 2 },
          channel: { kind: "mlp" },
        },
      ],
      objective: { kind: "denoising", noise: ["mask"], share: 0.2 },
    });
    const built = buildSpec(spec, { tokens: dataset.tokens });
    const config = trainingSchema.parse({ steps: 300, batch: 32, length: 8, optimizer: { learningRate: 0.01 } });
    const training = await createTraining(engine, built, { batches: dataset.batches(built, config), config });
    const held = dataset.validation(built, config);
    const evaluator = await createEvaluator(engine, built, { text: held, shape: config });
    await training.advanceBy(config.steps);
    const { kind, bitsPerByte } = await evaluator.run();
    expect(kind).toBe("pseudo");
    // Stops cost nothing and letters 3 bits where nothing is read; with a source those of the masked fifth alone.
    expect(bitsPerByte).toBeLessThan(0.6 * 3 * (5 / 6));
    await evaluator.dispose();
    await training.dispose();
  }, 60_000);

  test("sentences end where the tokenizer's full stops stand, and are permuted as wholes", () => {
    const { title: _, ...bart } = loadSpec("tiny/bart");
    const spec = {
      ...bart,
      objective: { kind: "denoising", noise: ["permute"], share: 0.3, span: 3, labelSmoothing: 0 },
    };
    const built = buildSpec(canonicalSpec(JSON.parse(JSON.stringify(spec))), { tokens: dataset.tokens });
    const { arrays } = dataset.batches(built, { seed: 0, batch: 8, length: 24 } as never).batch(0);
    const rows = Array.from({ length: 8 }, (_, row) => ({
      source: tokenizer.decode(arrays.source!.subarray(row * 24, (row + 1) * 24)),
      target: tokenizer.decode(arrays.targets.subarray(row * 25, row * 25 + 24)),
    }));
    for (const { source, target } of rows) {
      const sentences = target.match(/[a-h]*\.|[a-h]+$/g)!;
      expect(sentences.join("")).toBe(target);
      for (const sentence of sentences) expect(source).toContain(sentence);
      expect([...source].sort()).toEqual([...target].sort());
    }
    expect(rows.filter(({ source, target }) => source !== target).length).toBeGreaterThan(5);
  });

  test("an inspection shows the decoder the text and the encoder what a seed's noise leaves of it", () => {
    const { title: _, ...bart } = loadSpec("tiny/bart");
    const objective = { kind: "denoising", noise: ["delete"], share: 0.25, span: 3, labelSmoothing: 0 };
    const built = buildSpec(canonicalSpec(JSON.parse(JSON.stringify({ ...bart, objective }))), {
      tokens: dataset.tokens,
    });
    const ids = tokenizer.encode(text.slice(0, 20));
    const { start, end } = built.extraTokens;
    const sample = sampleOf(built, { ids, seed: 4 });
    expect(sample.source).toHaveLength(15);
    expect(Array.from(sample.ids)).toEqual([start, ...ids]);
    expect(Array.from(sample.targets)).toEqual([...ids, end]);
    expect(sampleOf(built, { ids, seed: 4 }).source).toEqual(sample.source);
    expect(sampleOf(built, { ids, seed: 5, hidden: 0.5 }).source).toHaveLength(10);
  });
});
