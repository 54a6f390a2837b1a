import { afterAll, describe, expect, test } from "vitest";
import type { Batches } from "../data/index.ts";
import { createNodeEngine, createReferenceEngine, type Engine } from "../engine/index.ts";
import { buildSpec, canonicalSpec } from "../spec/index.ts";
import { createTraining, roundNumbers, type TrainingInput, trainingSchema } from "./index.ts";
import { createLossScaler, lossScaleSchema } from "./loss-scale.ts";

const node = createNodeEngine({ threads: 1 });
const reference = createReferenceEngine();
afterAll(() => Promise.all([node.close(), reference.close()]));

const layers = [{ mixer: { kind: "attention", heads: 2 }, channel: { kind: "swiglu" } }];
const built = buildSpec(canonicalSpec({ name: "tiny", width: 8, layers }), { tokens: 11 });
const ids = Int32Array.from({ length: 600 }, (_, i) => (i * i + (i >> 3)) % 11);

const configOf = (more: Partial<TrainingInput> = {}) =>
  trainingSchema.parse({ steps: 12, batch: 8, length: 6, optimizer: { clipNorm: null }, ...more });
const start = (engine: Engine, more: Partial<TrainingInput> = {}) =>
  createTraining(engine, built, { ids, config: configOf(more) });

async function recordsOf(training: Awaited<ReturnType<typeof start>>, steps = 3) {
  const records = [];
  for (let i = 0; i < steps; i++) records.push(await training.advance());
  const { weights } = await training.snapshot();
  await training.dispose();
  return { records, weights: Object.values(weights).flatMap(({ data }) => [...(data as Float32Array)]) };
}

/** Batches of which every token weighs something else, some rows nothing. */
function weightedBatches(weightAt: (step: number, token: number) => number): Batches {
  const [batch, length] = [8, 6];
  return {
    shapes: [{ batch, length, weights: true }],
    batch: (step) => ({
      shape: 0,
      epoch: 0,
      arrays: {
        inputs: ids.slice(step, step + batch * length),
        targets: ids.slice(step + 1, step + 1 + batch * length),
        weights: Float32Array.from({ length: batch * length }, (_, token) => weightAt(step, token)),
      },
    }),
    position: (step) => ({ step }),
    resume: (stored) => (stored as { step: number }).step,
  };
}

describe("accumulation", () => {
  test.each([2, 4, 8])("over %i micro-batches the step is that of the whole batch", async (accumulate) => {
    const [whole, parts] = [
      await recordsOf(await start(reference)),
      await recordsOf(await start(reference, { accumulate })),
    ];
    whole.records.forEach((record, i) => {
      expect(parts.records[i]!.loss).toBeCloseTo(record.loss, 6);
      expect(parts.records[i]!.gradNorm / record.gradNorm).toBeCloseTo(1, 5);
    });
    expect(parts.records[0]!.loss).toBeCloseTo(whole.records[0]!.loss, 13);
    expect(parts.records[0]!.gradNorm / whole.records[0]!.gradNorm).toBeCloseTo(1, 12);
  });

  test("on the native engine too", async () => {
    const [whole, parts] = [await recordsOf(await start(node)), await recordsOf(await start(node, { accumulate: 4 }))];
    parts.weights.forEach((value, i) => void expect(value).toBeCloseTo(whole.weights[i]!, 4));
    expect(parts.records[0]!.gradNorm / whole.records[0]!.gradNorm).toBeCloseTo(1, 5);
  });

  test("every token weighs what it does in the whole batch, however unequal the micro-batches are", async () => {
    const batches = weightedBatches((_, token) => (token < 10 ? 5 : token < 24 ? 0 : 1 / (1 + token)));
    const of = async (accumulate: number) =>
      recordsOf(await createTraining(reference, built, { batches, config: configOf({ accumulate }) }), 1);
    const [whole, parts] = [await of(1), await of(4)];
    expect(parts.records[0]!.loss).toBeCloseTo(whole.records[0]!.loss, 6);
    expect(parts.records[0]!.gradNorm / whole.records[0]!.gradNorm).toBeCloseTo(1, 6);
  });

  test("micro-batches that do not divide the batch are refused", async () => {
    await expect(start(reference, { accumulate: 3 })).rejects.toThrow(
      /training\.accumulate: expected a divisor of the batch of 8 sequences, got 3\. \[E_TRAIN_ACCUMULATE\]|E_TRAIN_ACCUMULATE/,
    );
  });
});

describe("loss scale", () => {
  test("[mixed-precision] a fixed or dynamic power of two changes no bit in f32", async () => {
    const plain = await recordsOf(await start(node));
    const fixed = await recordsOf(await start(node, { lossScale: { kind: "fixed", scale: 1024 } }));
    const dynamic = await recordsOf(await start(node, { lossScale: { kind: "dynamic" } }));
    expect(fixed.weights).toEqual(plain.weights);
    expect(dynamic.weights).toEqual(plain.weights);
    expect(dynamic.records[0]!.lossScale).toBe(65_536);
  });

  test("[mixed-precision] gradients that f16 has no numbers for are rescued by it", async () => {
    const small = { precision: { gradients: "f16" } as const };
    const batches = weightedBatches(() => 1);
    const shrunk = buildSpec(canonicalSpec({ name: "shrunk", width: 8, layers, head: { kind: "lm", tied: false } }), {
      tokens: 11,
    });
    const of = async (
      lossScale: NonNullable<TrainingInput["lossScale"]>,
      precision: TrainingInput["precision"] = small.precision,
    ) =>
      recordsOf(
        await createTraining(reference, shrunk, { batches, config: configOf({ lossScale, precision: precision! }) }),
        1,
      );
    const exact = (await of({ kind: "none" }, {})).records[0]!.gradNorm;
    const lost = (await of({ kind: "fixed", scale: 2 ** -22 })).records[0]!.gradNorm;
    const kept = (await of({ kind: "fixed", scale: 2 ** 4 })).records[0]!.gradNorm;
    expect(lost).toBeLessThan(0.1 * exact);
    expect(kept / exact).toBeCloseTo(1, 2);
  });

  test("a dynamic one grows after steps without overflow and falls after one, to its least", () => {
    const c = lossScaleSchema.parse({ kind: "dynamic", first: 4, growthSteps: 2, least: 2 });
    const scaler = createLossScaler(c);
    const afterSuccess = () => {
      scaler.succeeded();
      return scaler.scale;
    };
    expect([afterSuccess(), afterSuccess(), afterSuccess()]).toEqual([4, 8, 8]);
    expect([1, 2, 3].map(() => [scaler.overflowed(), scaler.scale])).toEqual([
      [true, 4],
      [true, 2],
      [false, 2],
    ]);
    expect(scaler.state).toEqual({ scale: 2, steps: 0 });
  });

  test("a dynamic one falls until nothing overflows, on the same batch, and is saved", async () => {
    const lossScale = { kind: "dynamic", first: 2 ** 127, growthSteps: 2 } as const;
    const plain = await recordsOf(await start(node), 4);
    const training = await start(node, { lossScale });
    const first = await training.advance();
    expect(first.lossScale).toBeLessThan(2 ** 127);
    await training.advance();
    const snapshot = await training.snapshot();
    expect(snapshot.state).toMatchObject({ lossScale: { scale: expect.any(Number), steps: expect.any(Number) } });
    const after = [await training.advance(), await training.advance()];
    expect([first.loss, ...after.map(({ loss }) => loss)]).toEqual([0, 2, 3].map((i) => plain.records[i]!.loss));
    await training.dispose();
    const other = await start(node, { lossScale });
    await other.restore(snapshot as Parameters<typeof other.restore>[0]);
    expect([await other.advance(), await other.advance()]).toEqual(after);
    await other.dispose();
  });
});

describe("numbers that are not finite", () => {
  const broken = (from: number, to = from + 1) =>
    weightedBatches((step) => (step >= from && step < to ? Number.NaN : 1));
  const of = (nonFinite: "stop" | "skip", batches: Batches, steps = 40) =>
    createTraining(reference, built, { batches, config: configOf({ nonFinite, steps }) });

  test("stop the training, whose parameters stay", async () => {
    const training = await of("stop", broken(1));
    await training.advance();
    const before = await training.snapshot();
    await expect(training.advance()).rejects.toThrow(/training step 2: expected a finite loss.*\[E_TRAIN_FINITE\]$/);
    expect(await training.snapshot()).toEqual(before);
    await training.dispose();
  });

  test("or leave the batch out", async () => {
    const training = await of("skip", broken(1));
    await training.advance();
    const before = await training.snapshot();
    expect(await training.advance()).toMatchObject({ step: 2, skipped: true, loss: Number.NaN });
    const after = await training.snapshot();
    expect({ ...after, step: 1, state: before.state }).toEqual(before);
    expect(after.state).toMatchObject({ step: 2, skips: 1 });
    expect((await training.advance()).skipped).toBeUndefined();
    expect(await training.snapshot()).toMatchObject({
      state: expect.not.objectContaining({ skips: expect.anything() }),
    });
    await training.dispose();
  });

  test("but not without end", async () => {
    const training = await of("skip", broken(0, 100));
    for (let i = 0; i < 20; i++) expect((await training.advance()).skipped).toBe(true);
    await expect(training.advance()).rejects.toThrow(/training step 21: .*\[E_TRAIN_FINITE\]$/);
    await training.dispose();
  });

  test("amid several steps of one call, the good ones are returned and nothing can be saved behind them", async () => {
    const training = await of("stop", broken(2));
    expect((await training.advanceBy(5)).map(({ step }) => step)).toEqual([1, 2]);
    await expect(training.advance()).rejects.toThrow(/training step 3: .* 2 steps behind it in the same call/);
    await expect(training.snapshot()).rejects.toThrow(/\[E_TRAIN_FINITE\]$/);
    await training.dispose();
  });
});

test("several steps of one call are the same steps", async () => {
  const of = async (calls: readonly number[]) => {
    const training = await start(node);
    const records = [];
    for (const count of calls) records.push(...(await training.advanceBy(count)));
    const snapshot = await training.snapshot();
    await training.dispose();
    return { records, snapshot };
  };
  expect(await of([4, 2])).toEqual(await of([1, 1, 1, 1, 1, 1]));
});

describe("emulated precision", () => {
  const kinds = ["bf16", "f16", "e4m3", "e5m2"] as const;

  test.each(kinds)("[mixed-precision] parameters kept as %s without an f32 copy are values of it", async (kind) => {
    const training = await start(node, { precision: { parameters: kind, master: false } });
    for (let i = 0; i < 3; i++) {
      const { weights } = await training.snapshot();
      for (const { data } of Object.values(weights)) expect(data).toEqual(roundNumbers(data as Float32Array, kind));
      await training.advance();
    }
    await training.dispose();
  });

  test("[mixed-precision] with an f32 copy small updates are not lost", async () => {
    const moved = async (master: boolean) => {
      const precision = { parameters: "e5m2", master } as const;
      const optimizer = { kind: "sgd", learningRate: 1e-4, clipNorm: null } as const;
      const training = await start(node, { precision, optimizer, schedule: { kind: "constant" } });
      const before = await training.snapshot();
      await training.advance();
      await training.advance();
      const after = await training.snapshot();
      await training.dispose();
      return Object.keys(before.weights).filter((path) =>
        (before.weights[path]!.data as Float32Array).some(
          (value, i) => value !== (after.weights[path]!.data as Float32Array)[i],
        ),
      ).length;
    };
    expect(await moved(true)).toBeGreaterThan(3);
    expect(await moved(false)).toBe(0);
  });

  test("[mixed-precision] learns in bf16 throughout, with other losses than in f32, and goes on from a snapshot to the bit", async () => {
    const precision = { parameters: "bf16", activations: "bf16", gradients: "bf16", moments: "bf16" } as const;
    const more = {
      precision,
      accumulate: 2,
      rematerialise: "full",
      steps: 60,
      optimizer: { learningRate: 0.02 },
    } as const;
    const inFull = (await recordsOf(await start(node, { ...more, precision: {} }), 1)).records[0]!.loss;
    const training = await start(node, more);
    const losses: number[] = [];
    for (let i = 0; i < 30; i++) losses.push((await training.advance()).loss);
    expect(losses[0]).not.toBe(inFull);
    expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.2);
    await training.dispose();
    const again = await start(node, more);
    await again.advanceBy(10);
    const snapshot = await again.snapshot();
    await again.dispose();
    const resumed = await start(node, more);
    await resumed.restore(snapshot as Parameters<typeof resumed.restore>[0]);
    expect((await resumed.advanceBy(20)).map(({ loss }) => loss)).toEqual(losses.slice(10));
    await resumed.dispose();
  });

  test("[mixed-precision] 8-bit gradients are lost without a scale of each tensor, and stay near f32's with it", async () => {
    const normOf = async (precision: NonNullable<TrainingInput["precision"]>) =>
      (await recordsOf(await start(node, { precision, lossScale: { kind: "fixed", scale: 2 ** -16 } }), 1)).records[0]!
        .gradNorm;
    const exact = await normOf({});
    expect(await normOf({ gradients: "e4m3" })).toBeLessThan(0.1 * exact);
    expect(Math.abs((await normOf({ gradients: "e4m3", scale: "tensor" })) / exact - 1)).toBeLessThan(0.1);
    const all = { parameters: "e4m3", activations: "e4m3", gradients: "e5m2", scale: "tensor" } as const;
    expect(Math.abs((await normOf(all)) / exact - 1)).toBeLessThan(0.3);
  });

  test("rematerialisation changes no bit of it", async () => {
    const precision = { parameters: "bf16", activations: "e4m3", gradients: "e5m2" } as const;
    const of = async (rematerialise: "none" | "selective" | "full") =>
      recordsOf(await start(node, { precision, rematerialise }));
    const expected = await of("none");
    expect(await of("selective")).toEqual(expected);
    expect(await of("full")).toEqual(expected);
  });
});
