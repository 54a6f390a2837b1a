import { describe, expect, test } from "vitest";
import { putParameters } from "../../generate/index.ts";
import { initialise } from "../../model/index.ts";
import { createRng } from "../../ops/index.ts";
import { buildSpec, canonicalSpec } from "../../spec/index.ts";
import { discoverCases, GoldenCase, goldensMissing } from "../../testing/goldens/index.ts";
import { nativeEngine } from "../../testing/index.ts";
import { createTraining, trainingSchema } from "../../train/index.ts";
import { probeLayers } from "./layer-probes.ts";
import { ridge } from "./ridge.ts";

const [tokens, T, count] = [8, 12, 60];
const rng = createRng(2);
const ids = Int32Array.from({ length: count * T }, () => rng.below(tokens));
/** What a token has to do with its neighbours: itself, the one before it, the next in a rule. */
const labelsOf = (label: (n: number) => number) => Int32Array.from(ids, (_, n) => (n % T === 0 ? -1 : label(n)));
const engine = nativeEngine();
const spec = canonicalSpec({
  ...{ name: "probed", width: 24, embedding: { kind: "token", std: 0.3 } },
  layers: [
    { mixer: { kind: "attention", heads: 2, positions: { kind: "rope" } }, channel: { kind: "mlp" }, repeat: 3 },
  ],
});

/** Trained to tell the sum of a token and the one before it. */
async function trained() {
  const built = buildSpec(spec, { tokens });
  const config = trainingSchema.parse({
    ...{ batch: 32, length: T, steps: 150 },
    optimizer: { kind: "adamw", learningRate: 0.01 },
  });
  const arraysAt = (step: number) => {
    const draw = createRng(1000 + step);
    const inputs = Int32Array.from({ length: 32 * T }, () => draw.below(tokens));
    const targets = inputs.map((id, n) => (n % T === 0 ? 0 : (id + inputs[n - 1]!) % tokens));
    return { inputs, targets, weights: Float32Array.from(inputs, (_, n) => Number(n % T > 0)) };
  };
  const training = await createTraining(engine, built, {
    config,
    batches: {
      shapes: [{ batch: 32, length: T, weights: true }],
      position: () => ({}),
      resume: () => 0,
      batch: (step) => ({ arrays: arraysAt(step), shape: 0, epoch: 0 }),
    },
  });
  while (training.step < config.steps) await training.advance();
  const values = new Map<string, Float32Array>();
  for (const path of built.model.parameters.keys()) values.set(path, (await engine.get(path)) as Float32Array);
  await training.dispose();
  await putParameters(engine, built.model, values);
  return built;
}

describe("linear probes of every layer", () => {
  test("[feature-fusion-bottom] a table of accuracies: the token itself is read off the lowest stream, its neighbour and their sum only higher up", async () => {
    const built = await trained();
    const table = async (label: (n: number) => number) =>
      (await probeLayers(engine, built, { ids, length: T, labels: labelsOf(label), classes: tokens })).map(
        ({ accuracy }) => accuracy,
      );
    const own = await table((n) => ids[n]!);
    const before = await table((n) => ids[n - 1]!);
    const sum = await table((n) => (ids[n]! + ids[n - 1]!) % tokens);
    expect(own).toHaveLength(4);
    expect(own[0]).toBe(1);
    expect(before[0]).toBeLessThan(0.3);
    expect(sum[0]).toBeLessThan(0.3);
    expect(Math.max(...before.slice(1))).toBeGreaterThan(0.6);
    expect(sum.at(-1)).toBeGreaterThan(Math.max(0.6, sum[0]!));
    // What the last stream is for, the lowest have more of than it: the token itself.
    expect(own.at(-1)).toBeLessThanOrEqual(own[0]!);
  });

  test("labels that nothing tells have chance accuracy", async () => {
    const built = buildSpec(spec, { tokens });
    await putParameters(engine, built.model, initialise(built.model, 1));
    const drawn = createRng(9);
    const noise = Int32Array.from(ids, () => drawn.below(2));
    for (const { accuracy, chance } of await probeLayers(engine, built, { ids, length: T, labels: noise, classes: 2 }))
      expect(Math.abs(accuracy - chance)).toBeLessThan(0.15);
    await expect(
      probeLayers(engine, built, { ids: ids.slice(0, T), length: T, labels: noise.slice(0, T), classes: 2 }),
    ).rejects.toThrow(/two texts of 12 ids or more, got 12 ids\. \[E_PROBE\]$/);
  });

  test.skipIf(goldensMissing())("ridge regression has scikit-learn's coefficients", () => {
    const cases = discoverCases().filter(({ kind, component }) => kind === "analysis" && component === "probes");
    expect(cases.length).toBeGreaterThan(0);
    for (const place of cases) {
      const c = new GoldenCase(place);
      const [D, M] = [c.stored["in.x"]!.shape[1]!, 2];
      const x = c.values("in.x");
      const { weights, bias } = ridge({ x, y: c.values("in.target"), D, M }, Number(c.config["alpha"]));
      const [coef, offset] = [[...c.values("out.ridge_coef")], [...c.values("out.ridge_bias")]];
      coef.forEach((v, i) => void expect(Math.abs(weights[i % D]![Math.floor(i / D)]! - v)).toBeLessThan(1e-5));
      offset.forEach((v, m) => void expect(Math.abs(bias[m]! - v)).toBeLessThan(1e-5));
    }
  });
});
