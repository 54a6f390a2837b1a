import { describe, expect, test } from "vitest";
import { collectPairs, createPairBatches } from "../data/index.ts";
import { createReferenceEngine, type Engine } from "../engine/index.ts";
import { createGenerator } from "../generate/index.ts";
import { createRng } from "../ops/index.ts";
import { buildSpec, canonicalSpec } from "../spec/index.ts";
import { nativeEngine } from "../testing/index.ts";
import { createTraining, trainingSchema } from "./index.ts";

const tokens = 6;
const spec = canonicalSpec({
  name: "reversal",
  width: 32,
  embedding: { kind: "token", scale: "sqrt-width", positions: { kind: "sinusoidal" } },
  encoder: { layers: [{ mixer: { kind: "attention", causal: false }, channel: { kind: "mlp" } }] },
  layers: [{ mixer: { kind: "attention" }, cross: { kind: "cross-attention" }, channel: { kind: "mlp" } }],
  objective: { kind: "sequence-to-sequence" },
});

/** Sequences of 1 to 5 symbols and the same from behind. */
async function reversals(count: number) {
  const rng = createRng(5);
  async function* examples() {
    for (let i = 0; i < count; i++) {
      const source = Array.from({ length: 1 + rng.below(5) }, () => rng.below(tokens));
      yield { source, target: source.toReversed() };
    }
  }
  return collectPairs(examples(), "reversals");
}

async function trained(engine: Engine, steps: number) {
  const built = buildSpec(spec, { tokens });
  const { start, end } = built.extraTokens as { start: number; end: number };
  const pairs = await reversals(600);
  const batches = createPairBatches({ pairs, seed: 1, tokens: 96, longest: 8, start, end, buckets: 3 });
  const config = trainingSchema.parse({ steps, optimizer: { kind: "adamw", learningRate: 0.01 } });
  const training = await createTraining(engine, built, { batches, config });
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) losses.push((await training.advance()).loss);
  return { built, training, losses, batches };
}

describe("training on pairs", () => {
  test("batches of every shape train one set of parameters: a transformer learns to reverse", async () => {
    const engine = nativeEngine();
    const { built, training, losses, batches } = await trained(engine, 300);
    expect(batches.shapes.length).toBeGreaterThan(1);
    expect(losses.slice(-20).reduce((a, b) => a + b) / 20).toBeLessThan(0.3 * losses[0]!);
    const generator = createGenerator(engine, built);
    const write = (source: Int32Array) =>
      generator.generate({ prompt: new Int32Array(), source, tokens: 8, sampler: { temperature: 0 } });
    expect([...(await write(Int32Array.of(3, 1))).tokens]).toEqual([1, 3]);
    await generator.dispose();
    await training.dispose();
  }, 60_000);

  test("the reference engine takes the same steps", async () => {
    const [native, reference] = [nativeEngine(), createReferenceEngine()];
    const [a, b] = [await trained(native, 4), await trained(reference, 4)];
    a.losses.forEach((loss, i) => void expect(b.losses[i]!).toBeCloseTo(loss, 4));
    await a.training.dispose();
    await reference.close();
  }, 60_000);
});
