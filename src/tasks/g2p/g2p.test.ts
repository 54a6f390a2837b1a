import { beforeAll, describe, expect, test } from "vitest";
import { byteTokenizer } from "../../data/index.ts";
import { buildSpec, canonicalSpec } from "../../spec/index.ts";
import { nativeEngine } from "../../testing/index.ts";
import { createEvaluator, createTraining, trainingSchema } from "../../train/index.ts";
import { tokenizerCodec } from "../codec.ts";
import type { Dataset } from "../dataset.ts";
import { readCmudict } from "./cmudict.ts";
import { phonemeCodec } from "./codec.ts";
import { openG2p } from "./g2p.ts";
import { pronunciationRates } from "./rates.ts";

describe("the CMU dictionary, divided", () => {
  test("by word: no held-out word, with any of its pronunciations, is trained on", async () => {
    const { train, held, phonemes, left } = await readCmudict();
    const trained = new Set(train.map(({ word }) => word));
    expect(trained.size).toBe(train.length);
    expect(held.filter(({ word }) => trained.has(word))).toEqual([]);
    expect(held.length / (train.length + held.length)).toBeCloseTo(0.1, 2);
    expect(phonemes).toHaveLength(39);
    expect(left).toBeGreaterThan(0);
    const read = train.concat(held).find(({ word }) => word === "READ")!;
    expect(read.pronunciations.map((one) => one.join(" ")).sort()).toEqual(["R EH D", "R IY D"]);
  });

  test("stress stays where it is asked for", async () => {
    const { phonemes } = await readCmudict({ stress: true });
    expect(phonemes).toHaveLength(69);
  });
});

test("[wer-cer] a word is right if any listed pronunciation matches; phoneme errors count against the nearest one", () => {
  const ids = (...all: number[]) => Int32Array.from(all);
  const listed = [[ids(1, 2, 3), ids(1, 2)], [ids(4, 5, 6, 7)], [ids(8)]];
  expect(pronunciationRates([ids(1, 2), ids(4, 5, 9, 7), ids(8)], listed)).toEqual({
    wordErrors: 1 / 3,
    phonemeErrors: 1 / (2 + 4 + 1),
  });
});

test("what a model writes of its objective's own ids, such as its start, is no text", () => {
  for (const codec of [phonemeCodec(["AA", "B"]), tokenizerCodec(byteTokenizer)]) {
    const start = codec.size;
    const text = codec.decodeTarget([codec.size - 1]);
    expect(codec.decodeTarget([start, codec.size - 1, start + 1])).toBe(text);
    expect(codec.pieces([start])).toEqual([""]);
    expect(() => codec.decodeTarget([-1])).toThrow("[E_TOKEN_ID]");
  }
});

describe("training on it", () => {
  let data: Dataset;
  beforeAll(async () => {
    data = await openG2p();
  });
  const engine = nativeEngine();

  test("an encoder–decoder learns from its batches, and is measured and scored on held-out words", async () => {
    const spec = canonicalSpec({
      name: "g2p",
      width: 32,
      encoder: { layers: [{ mixer: { kind: "gru" } }], bridge: "state" },
      layers: [{ mixer: { kind: "gru" }, cross: { kind: "cross-attention", heads: 2 } }],
      objective: { kind: "sequence-to-sequence" },
    });
    const built = buildSpec(spec, { tokens: data.tokens });
    const config = trainingSchema.parse({ steps: 60, batch: 32, length: 16, optimizer: { learningRate: 0.01 } });
    const training = await createTraining(engine, built, { batches: data.batches(built, config), config });
    const evaluator = await createEvaluator(engine, built, {
      text: data.validation(built, config),
      shape: config,
      windows: 64,
    });
    const before = await evaluator.run();
    for (let step = 0; step < config.steps; step++) await training.advance();
    expect((await evaluator.run()).bitsPerByte).toBeLessThan(0.7 * before.bitsPerByte);
    const scores = await data.score!(engine, built, { examples: 40 });
    expect(scores.map(({ name, unit }) => [name, unit])).toEqual([
      ["word error rate", "%"],
      ["phoneme error rate", "%"],
    ]);
    expect(scores[1]!.value).toBeLessThan(100);
    await evaluator.dispose();
    await training.dispose();
  }, 60_000);

  test("its facts tell the split's provenance", () => {
    expect(data.facts).toMatchObject({ phonemes: 39, stress: false, split: expect.stringContaining("by word") });
    expect(data.facts["heldSha256"]).toMatch(/^[0-9a-f]{64}$/);
  });
});
