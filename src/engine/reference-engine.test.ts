import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { grad } from "../grad/index.ts";
import { createRng } from "../ops/index.ts";
import { constant, input, type Program, type Tensor } from "../tensor/index.ts";
import { adamScalars, adamw } from "../train/index.ts";
import { createEngine, type Engine, type TrainerDefinition } from "./index.ts";

const create = (kind: "node" | "web" | "reference") => createEngine(kind, { threads: 1 });
const engines: { native: Engine; web: Engine; reference: Engine } = {
  native: await create("node"),
  web: await create("web"),
  reference: await create("reference"),
};
const all = Object.values(engines);

afterAll(() => Promise.all(all.map((engine) => engine.close())));

const draws = (size: number, seed: number) => {
  const rng = createRng(seed);
  return Float32Array.from({ length: size }, () => rng.uniform() - 0.5);
};

/** Largest difference. */
const difference = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.max(
    ...Array.from(a, (value, i) => Math.abs(value - b[i]!)),
    a.length === b.length ? 0 : Number.POSITIVE_INFINITY,
  );

describe("a training step", () => {
  const shapes = { w: [3, 4], v: [4] };

  /** Mean of (tanh(x·W + v) − y)² with a running mean of x in the buffer `seen`. */
  function regression(rows: number): Program {
    const [w, v] = [input("w", shapes.w), input("v", shapes.v)];
    const x = input("x", [rows, 3]);
    const loss = x
      .matmul(w)
      .add(v)
      .tanh()
      .sub(input("y", [rows, 4]))
      .square()
      .mean();
    const [gw, gv] = grad(loss, [w, v]);
    const seen = input("seen", [3]).mul(0.9).add(x.mean(0).mul(0.1));
    return { outputs: { loss, "grad:w": gw!, "grad:v": gv!, "buffer:seen": seen } };
  }

  const definition = (clipNorm?: number): TrainerDefinition => ({
    program: regression(5),
    others: [regression(2)],
    parameters: [
      { name: "w", shape: shapes.w, value: draws(12, 1), scalars: { weightDecay: 0.1 } },
      { name: "v", shape: shapes.v, value: draws(4, 2), scalars: { weightDecay: 0 } },
    ],
    rule: adamw({ beta1: 0.9, beta2: 0.99, epsilon: 1e-8 }),
    ...(clipNorm !== undefined && { clipNorm }),
  });
  const batch = (seed: number, rows = 5) => ({ x: draws(3 * rows, seed), y: draws(4 * rows, seed + 1) });

  async function train(engine: Engine, { batches, clipNorm }: { batches: number; clipNorm: number | undefined }) {
    await engine.put("seen", { data: new Float32Array(3), shape: [3], dtype: "f32" });
    const trainer = await engine.trainer(definition(clipNorm));
    const records = [];
    for (let t = 1; t <= 4; t++) {
      const [program, rows] = t === 2 ? [1, 2] : [0, 5];
      const fed = [batch(10 * t, rows), batch(10 * t + 5, rows)].slice(0, batches);
      records.push(await trainer.step(fed, adamScalars({ beta1: 0.9, beta2: 0.99 }, t, 0.05), program));
    }
    const result = {
      records,
      parameters: await trainer.read("parameters"),
      v: await trainer.read({ slot: "v" }),
      seen: await engine.get("seen"),
      resident: await engine.get("w"),
    };
    await trainer.dispose();
    await expect(engine.get("w")).rejects.toThrow(/E_RESIDENT/);
    return result;
  }

  test.each(
    ["native", "web"].flatMap((name) =>
      [1, 2].flatMap((batches) =>
        [undefined, 0.05].map((clipNorm) => ({ name: name as "native" | "web", batches, clipNorm })),
      ),
    ),
  )(
    "on $name with $batches micro-batches and two batch shapes agrees with the reference, clipped at $clipNorm",
    async ({ name, ...how }) => {
      const [actual, reference] = [await train(engines[name], how), await train(engines.reference, how)];
      actual.records.forEach((record, t) => {
        expect(reference.records[t]!.outputs["loss"]).toBeCloseTo(record.outputs["loss"]!, 5);
        expect(reference.records[t]!.gradNorm).toBeCloseTo(record.gradNorm, 5);
      });
      for (const parameter of ["w", "v"]) {
        expect(difference(reference.parameters[parameter]!, actual.parameters[parameter]!)).toBeLessThan(1e-5);
        expect(difference(reference.v[parameter]!, actual.v[parameter]!)).toBeLessThan(1e-5);
      }
      expect(difference(reference.seen, actual.seen)).toBeLessThan(1e-6);
      expect(difference(actual.resident, actual.parameters["w"]!)).toBe(0);
    },
  );

  test("leaves parameters alone where the loss is not finite", async () => {
    for (const engine of all) {
      await engine.put("seen", { data: new Float32Array(3), shape: [3], dtype: "f32" });
      const trainer = await engine.trainer(definition());
      await trainer.step(
        [{ ...batch(1), y: new Float32Array(20).fill(Number.NaN) }],
        adamScalars({ beta1: 0.9, beta2: 0.99 }, 1, 0.05),
      );
      expect((await trainer.read("parameters"))["w"]).toEqual(draws(12, 1));
      await trainer.dispose();
    }
  });

  test.each(["reference", "web"] as const)("on %s writes what it read, to the bit", async (name) => {
    await engines[name].put("seen", { data: new Float32Array(3), shape: [3], dtype: "f32" });
    const trainer = await engines[name].trainer(definition());
    const values = { w: draws(12, 7), v: draws(4, 8) };
    await trainer.write({ slot: "m" }, values);
    expect(await trainer.read({ slot: "m" })).toEqual(values);
    await expect(trainer.read({ slot: "absent" })).rejects.toThrow(/expected one of m, v, got absent.*E_SLOT/);
    await expect(trainer.step([batch(1)], { learningRate: 1 })).rejects.toThrow(/E_SCALAR/);
  });
});

describe("resident values", () => {
  let doubled: Tensor;
  beforeAll(() => {
    doubled = input("state", [2, 3]).mul(2);
  });

  test("keep replaces a value, and programs find the new one", async () => {
    for (const engine of all) {
      await engine.put("state", { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3], dtype: "f32" });
      const program = await engine.compile({ outputs: { next: doubled, sum: doubled.sum() } });
      const returned = await program.run({}, { keep: { next: "state" } });
      expect(Object.keys(returned)).toEqual(["sum"]);
      await program.run({}, { keep: { next: "state" } });
      expect(Array.from(await engine.get("state"))).toEqual([4, 8, 12, 16, 20, 24]);
    }
  });

  test.each([
    { name: "inside the buffer", positions: [1, 3] },
    { name: "around its end", positions: [4, 2] },
  ])("append writes $name as the native engine does", async ({ positions }) => {
    const results = [];
    for (const engine of all) {
      await engine.put("buffer", { data: new Float32Array(2 * 2 * 5 * 2), shape: [2, 2, 5, 2], dtype: "f32" });
      const program = await engine.compile({
        outputs: { entries: constant(draws(2 * 2 * 3 * 2, 3), [2, 2, 3, 2]).mul(input("one", [])) },
      });
      await program.run(
        { one: Float32Array.of(1) },
        { append: { entries: { resident: "buffer", axis: 2, positions } } },
      );
      results.push(Array.from(await engine.get("buffer")));
    }
    for (const result of results) expect(difference(results[0]!, result)).toBeLessThan(1e-6);
    expect(results[1]!.filter((value) => value !== 0)).toHaveLength(24);
  });

  test("more entries than a buffer holds leave the last ones", async () => {
    for (const engine of all) {
      await engine.put("ring", { data: new Float32Array(3), shape: [1, 3], dtype: "f32" });
      const program = await engine.compile({
        outputs: { entries: constant([0, 1, 2, 3, 4], [1, 5]).mul(input("one", [])) },
      });
      await program.run(
        { one: Float32Array.of(1) },
        { append: { entries: { resident: "ring", axis: 1, positions: [0] } } },
      );
      expect(Array.from(await engine.get("ring"))).toEqual([3, 4, 2]);
    }
  });

  test("outputs carry their dtypes", async () => {
    for (const engine of all) {
      const x = input("x", [3]);
      const program = await engine.compile({ outputs: { i: x.cast("i32"), b: x.greater(1) } });
      const { i, b } = await program.run({ x: Float32Array.of(0.5, 1.5, 2.5) });
      expect(i).toEqual(Int32Array.of(0, 1, 2));
      expect(Array.from(b!)).toEqual([0, 1, 1]);
    }
  });

  test("a missing value, a dropped one, and a closed engine are told", async () => {
    for (const engine of await Promise.all([create("node"), create("web"), create("reference")])) {
      const program = await engine.compile({ outputs: { y: input("absent", [1]).neg() } });
      await expect(program.run({})).rejects.toThrow(/input "absent".*E_FEED/);
      await engine.close();
      await expect(engine.get("absent")).rejects.toThrow(/E_CLOSED/);
    }
  });
});

describe("sessions", () => {
  /** Traced anew each time: equal graphs, not one graph. */
  const traced = (factor: number): Program => ({ outputs: { y: input("x", [3]).mul(factor).sum() } });
  const x = Float32Array.of(1, 2, 3);

  test.each(["node", "web"] as const)(
    "on %s: two compilations of one graph share one, until both are disposed of",
    async (kind) => {
      const engine = await create(kind);
      const [first, second, other] = [
        await engine.compile(traced(2)),
        await engine.compile(traced(2)),
        await engine.compile(traced(3)),
      ];
      expect(await engine.usage()).toMatchObject({ sessions: 2, idleSessions: 0, sessionsCreated: 2 });
      await first!.dispose();
      expect([(await second!.run({ x }))["y"]![0], (await other!.run({ x }))["y"]![0]]).toEqual([12, 18]);
      await second!.dispose();
      expect(await engine.usage()).toMatchObject({ sessions: 1, idleSessions: 1, sessionsCreated: 2 });
      const third = await engine.compile(traced(2));
      expect((await third.run({ x }))["y"]![0]).toBe(12);
      expect(await engine.usage()).toMatchObject({ sessions: 2, idleSessions: 0, sessionsCreated: 2 });
      await engine.close();
    },
  );

  test.each(["node", "web"] as const)("on %s: those that wait are few, and a trainer's do not wait", async (kind) => {
    const engine = await create(kind);
    for (let factor = 1; factor <= 9; factor++) await (await engine.compile(traced(factor))).dispose();
    const { idleSessions } = await engine.usage();
    expect(idleSessions).toBeGreaterThan(0);
    expect(idleSessions).toBeLessThanOrEqual(4);
    const w = input("w", [2]);
    const trainer = await engine.trainer({
      program: { outputs: { loss: w.square().sum(), "grad:w": w.mul(2) } },
      parameters: [{ name: "w", shape: [2], value: Float32Array.of(1, 2), scalars: {} }],
      rule: {
        slots: [],
        scalars: ["rate"],
        update: ({ p, g, scalars }) => ({ p: p.sub(g.mul(scalars["rate"]!)), slots: {} }),
      },
    });
    expect(await engine.usage()).toMatchObject({
      sessions: 1,
      idleSessions,
      sessionsCreated: 10,
      residents: 1,
      residentBytes: 8,
    });
    await trainer.dispose();
    expect(await engine.usage()).toMatchObject({ sessions: 0, idleSessions, residents: 0, residentBytes: 0 });
    await engine.close();
  });

  test("what an engine holds stays the same over steps, evaluations and replaced values", async () => {
    for (const engine of all) {
      const w = input("w", [64]);
      const loss = w
        .mul(input("x", [64]))
        .square()
        .sum();
      const trainer = await engine.trainer({
        program: { outputs: { loss, "grad:w": grad(loss, [w])[0]!, "buffer:seen": input("seen", [64]).mul(0.5) } },
        parameters: [{ name: "w", shape: [64], value: draws(64, 3), scalars: { weightDecay: 0 } }],
        rule: adamw({ beta1: 0.9, beta2: 0.99, epsilon: 1e-8 }),
      });
      await engine.put("seen", { data: new Float32Array(64), shape: [64], dtype: "f32" });
      const holds: unknown[] = [];
      for (let t = 1; t <= 200; t++) {
        await trainer.step([{ x: draws(64, t) }], adamScalars({ beta1: 0.9, beta2: 0.99 }, t, 0.01));
        if (t % 50 !== 0) continue;
        const evaluation = await engine.compile({
          outputs: { sum: input("w", [64]).sum(), next: input("seen", [64]).add(1) },
        });
        await evaluation.run({}, { keep: { next: "seen" } });
        await evaluation.dispose();
        holds.push(await engine.usage());
      }
      expect(holds).toEqual(holds.map(() => holds[0]));
      await trainer.dispose();
      await engine.drop(["seen"]);
    }
  });
});
