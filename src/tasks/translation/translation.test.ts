import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { byteTokenizer } from "../../data/index.ts";
import { buildSpec, canonicalSpec } from "../../spec/index.ts";
import { nativeEngine } from "../../testing/index.ts";
import { createEvaluator, createTraining, trainingSchema } from "../../train/index.ts";
import type { Score } from "../dataset.ts";
import { openTranslation } from "./translation.ts";

const folder = mkdtempSync(join(tmpdir(), "translation-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A toy language: every word has one translation, in the same order. */
const words = [
  ["ein", "a"],
  ["Hund", "dog"],
  ["Mann", "man"],
  ["sieht", "sees"],
  ["großen", "big"],
  ["Ball", "ball"],
] as const;
const sentence = (i: number) =>
  Array.from({ length: 2 + (i % 3) }, (_, t) => words[(i * 7 + t * t * 3 + (i >> 2) * t) % words.length]!);
const tsv = join(folder, "toy.tsv");
writeFileSync(
  tsv,
  Array.from(
    { length: 400 },
    (_, i) =>
      `${sentence(i)
        .map(([de]) => de)
        .join(" ")}\t${sentence(i)
        .map(([, en]) => en)
        .join(" ")}`,
  ).join("\n"),
);

const engine = nativeEngine();

describe("a parallel corpus", () => {
  test("trains, is measured, and scores the translations of its held-out tenth", async () => {
    const data = await openTranslation({
      train: { source: tsv },
      tokenizer: { kind: "bpe", entries: 300 },
      decoding: { beams: 2 },
    });
    expect(data.facts).toMatchObject({ pairs: 360, heldPairs: 40, tokenizer: "bpe", validation: "the last 40 pairs" });
    const built = buildSpec(
      canonicalSpec({
        name: "toy",
        width: 32,
        embedding: { kind: "token", scale: "sqrt-width", positions: { kind: "sinusoidal" } },
        encoder: { layers: [{ mixer: { kind: "attention", causal: false }, channel: { kind: "mlp" } }] },
        layers: [{ mixer: { kind: "attention" }, cross: { kind: "cross-attention" }, channel: { kind: "mlp" } }],
        objective: { kind: "sequence-to-sequence", labelSmoothing: 0.1 },
      }),
      { tokens: data.tokens },
    );
    const config = trainingSchema.parse({ steps: 200, batch: 16, length: 16, optimizer: { learningRate: 0.01 } });
    const training = await createTraining(engine, built, { batches: data.batches(built, config), config });
    for (let step = 0; step < config.steps; step++) await training.advance();
    const evaluator = await createEvaluator(engine, built, { text: data.validation(built, config), shape: config });
    expect((await evaluator.run()).bitsPerByte).toBeLessThan(0.5);
    const [score] = (await data.score!(engine, built)) as readonly [Score];
    expect(score.name).toBe("BLEU");
    expect(score.value).toBeGreaterThan(80);
    expect(score.signature).toMatch(/tok:13a.*40 segments, 2 beams/);
    await evaluator.dispose();
    await training.dispose();
  }, 120_000);

  test("validation files and a given tokenizer are used as they are", async () => {
    const other = join(folder, "other.tsv");
    writeFileSync(other, "ein Ball\ta ball\n");
    const data = await openTranslation({
      train: { source: tsv },
      validation: { source: other },
      tokenizer: byteTokenizer,
    });
    expect(data.facts).toMatchObject({ pairs: 400, heldPairs: 1, validation: "other.tsv", vocabulary: 256 });
    expect(data.held).toEqual([{ source: "ein Ball", target: "a ball" }]);
  });

  test("the same data has the same hash, other data another", async () => {
    const of = async (path: string) =>
      (await openTranslation({ train: { source: path }, tokenizer: { kind: "byte" } })).facts["sha256"];
    const changed = join(folder, "changed.tsv");
    writeFileSync(changed, "ein Hund\ta dog\nein Mann\ta man\n");
    expect(await of(tsv)).toBe(await of(tsv));
    expect(await of(changed)).not.toBe(await of(tsv));
  });

  const multi30k = new URL("../../../../shared/data/multi30k/", import.meta.url).pathname;
  test.skipIf(!existsSync(multi30k))(
    "[mt-wmt14] Multi30k is read packed, 29,000 pairs and 1,014 for validation",
    async () => {
      const files = (part: string) => ({
        source: join(multi30k, `${part}.de.gz`),
        target: join(multi30k, `${part}.en.gz`),
      });
      const data = await openTranslation({
        train: files("train"),
        validation: files("val"),
        tokenizer: { kind: "byte" },
      });
      expect(data.facts).toMatchObject({ pairs: 29_000, heldPairs: 1014, emptyPairs: 0 });
    },
  );
});
