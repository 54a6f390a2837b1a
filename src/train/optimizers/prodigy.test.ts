import { describe, expect, test } from "vitest";
import { compileReference, createReferenceEngine, type TrainerDefinition } from "../../engine/index.ts";
import { nameOf, stepProgram, updateProgram } from "../../engine/web/training-programs.ts";
import { createRng } from "../../ops/index.ts";
import { input, scalar, sizeOf } from "../../tensor/index.ts";
import { createOptimizer } from "./create.ts";
import { type OptimizerInput, optimizerSchema } from "./registry.ts";
import { type ReplayedStep, replay, type Trajectory } from "./replay.ts";

type Settings = Omit<Extract<OptimizerInput, { kind: "prodigy" }>, "kind">;
type Vectors = Readonly<Record<string, readonly number[]>>;

const configOf = (given: Settings) =>
  optimizerSchema.parse({ kind: "prodigy", clipNorm: null, decayAll: true, ...given });

/** Parameters from a start along given gradients, and d/d₀ of every parameter, after each step. */
function path(given: Settings, { start, gradients, factor }: Run) {
  const trajectory: Trajectory = {
    start: Object.fromEntries(
      Object.entries(start).map(([name, values]) => [name, { shape: [values.length], role: "matrix", values }]),
    ),
    gradient: (name, t) => gradients[t - 1]![name]!,
    steps: gradients.length,
  };
  return replay(configOf(given), trajectory, factor).map(read);
}

const read = (step: ReplayedStep) => ({
  p: Object.fromEntries(Object.entries(step).map(([name, { p }]) => [name, [...p!]])),
  ratios: Object.values(step).map(({ ratio }) => ratio![0]!),
});

interface Run {
  start: Vectors;
  gradients: readonly Vectors[];
  factor?: (t: number) => number;
}

/** Algorithm 4 of Mishchenko & Defazio 2023 with the options of prodigyopt: loops over every parameter and entry. */
function naive(given: Settings, { start, gradients, factor = () => 1 }: Run) {
  const c = configOf(given) as Extract<ReturnType<typeof configOf>, { kind: "prodigy" }>;
  const beta3 = c.beta3 ?? Math.sqrt(c.beta2);
  const entries = Object.entries(start).flatMap(([name, values]) =>
    values.map((x, i) => ({ name, i, x, from: x, m: 0, v: 0, s: 0 })),
  );
  let [d, largest, numerator] = [c.initialDistance, c.initialDistance, 0];
  return gradients.map((given, k) => {
    const rate = c.learningRate * factor(k + 1);
    const correction = c.biasCorrection ? Math.sqrt(1 - c.beta2 ** (k + 1)) / (1 - c.beta1 ** (k + 1)) : 1;
    const size = d * rate * correction;
    let [progress, spread] = [0, 0];
    for (const e of entries) {
      const g = given[e.name]![e.i]! + (c.decay === "coupled" ? c.weightDecay * e.x : 0);
      if (rate > 0) {
        progress += (d / c.initialDistance) * size * g * (e.from - e.x);
        e.m = c.beta1 * e.m + (1 - c.beta1) * d * g;
        e.v = c.beta2 * e.v + (1 - c.beta2) * d * d * g * g;
        e.s = beta3 * e.s + (d / c.initialDistance) * (c.safeguardWarmup ? d : size) * g;
      }
      spread += Math.abs(e.s);
    }
    if (spread > 0) {
      numerator = beta3 * numerator + progress;
      const estimate = (c.distanceRatio * numerator) / spread;
      if (d === c.initialDistance) d = Math.max(d, estimate);
      largest = Math.max(largest, estimate);
      d = Math.min(largest, d * (c.growthRate ?? Number.POSITIVE_INFINITY));
      for (const e of entries) {
        if (c.decay === "adapted") e.x -= c.weightDecay * size * e.x;
        e.x -= (size * e.m) / (Math.sqrt(e.v) + d * c.epsilon);
      }
    }
    const p = Object.fromEntries(
      Object.keys(start).map((name) => [name, entries.filter((e) => e.name === name).map(({ x }) => x)]),
    );
    return { p, ratios: Object.keys(start).map(() => d / c.initialDistance) };
  });
}

const sizes = { a: 3, b: 5, c: 1 };

/** Gradients that point the same way for long, so that the distance grows, with noise; the first entry's are 0. */
function drawn(steps: number, scale = 1): Run {
  const rng = createRng(11);
  const vectors = (draw: (i: number) => number): Vectors =>
    Object.fromEntries(
      Object.entries(sizes).map(([name, size]) => [name, Array.from({ length: size }, (_, i) => draw(i))]),
    );
  const start = vectors(() => scale * (2 * rng.uniform() - 1));
  const gradients = Array.from({ length: steps }, () =>
    vectors((i) => (i === 0 ? 0 : 0.4 + rng.uniform() * (-1) ** i)),
  );
  return { start, gradients };
}

const closeTo = (value: unknown, digits: number): unknown =>
  typeof value === "number"
    ? expect.closeTo(value, digits)
    : Object.fromEntries(Object.entries(value as object).map(([key, one]) => [key, closeTo(one, digits)]));
const asObject = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, v) => (Array.isArray(v) ? { ...v } : v)));

test("by hand: β = 0, 0 and β₃ = ½ along gradients 1 from 0, whose estimates are 0, 2/3, 10/7 and 361.25/142.875", () => {
  const start = { a: [0], b: [5] };
  const gradients = Array(4).fill({ a: [1], b: [0] }) as Vectors[];
  const settings = { beta1: 0, beta2: 0, beta3: 0.5, epsilon: 1e-30, initialDistance: 1 };
  const found = path(settings, { start, gradients });
  const [third, last] = [10 / 7, 361.25 / 142.875];
  [-1, -2, -3, -3 - third].forEach((x, i) => void expect(found[i]!.p["a"]![0]).toBeCloseTo(x, 12));
  [1, 1, third, last].forEach(
    (ratio, i) => void expect(found[i]!.ratios).toEqual([ratio, ratio].map((r) => expect.closeTo(r, 12))),
  );
  for (const { p } of found) expect(p["b"]).toEqual([5]);
});

const variants: readonly Settings[] = [
  {},
  { initialDistance: 0.02, beta2: 0.9, biasCorrection: true, safeguardWarmup: true, weightDecay: 0.1 },
  { initialDistance: 0.02, decay: "coupled", weightDecay: 0.3, learningRate: 0.7 },
  { initialDistance: 0.02, growthRate: 1.1, distanceRatio: 2, beta3: 0.9 },
  { initialDistance: 0.02, beta1: 0, beta2: 0.5, epsilon: 1e-2 },
];

describe.each(variants)("%j", (settings) => {
  test("is the loop over all parameters, step by step", () => {
    const run = drawn(9);
    const expected = naive(settings, run);
    expect(asObject(path(settings, run))).toEqual(closeTo(asObject(expected), 12));
    expect(expected.at(-1)!.ratios[0]).toBeGreaterThan(1);
  });
});

test("nothing moves at rate 0, nor until some gradient is not 0; the start is where step 1 was", () => {
  const { start, gradients } = drawn(6);
  const still = Object.fromEntries(Object.entries(start).map(([name, values]) => [name, values.map(() => 0)]));
  const factor = (t: number) => (t <= 2 ? 0 : t / 6);
  for (const settings of [
    { initialDistance: 0.01, safeguardWarmup: true, weightDecay: 0.1 },
    { initialDistance: 0.1 },
  ]) {
    const run = { start, gradients, factor };
    const found = path(settings, run);
    expect([found[0]!.p, found[1]!.p]).toEqual([start, start]);
    expect(asObject(found)).toEqual(closeTo(asObject(naive(settings, run)), 12));
    const late = { start, gradients: [still, still, ...gradients] };
    expect(path({ ...settings, biasCorrection: true }, late)[1]!.p).toEqual(start);
  }
});

test("the distance is one for all parameters: a parameter alone moves otherwise than beside another", () => {
  const { start, gradients } = drawn(8);
  const settings = { initialDistance: 0.02 };
  const alone = path(settings, { start: { b: start["b"]! }, gradients });
  const beside = path(settings, { start, gradients });
  expect(new Set(beside.at(-1)!.ratios).size).toBe(1);
  expect(alone.at(-1)!.ratios[0]).not.toBeCloseTo(beside.at(-1)!.ratios[0]!, 3);
});

const stepsOfEngines = 8;
const shapes = { a: [3], b: [5], c: [1], none: [0, 4] } as const;
const near = drawn(stepsOfEngines, 0.01);
const engineSettings = { initialDistance: 0.02, weightDecay: 0.1, biasCorrection: true, clipNorm: 0.8 };

/** A trainer whose gradients are fed, with a parameter that has no entries. */
function definition(): TrainerDefinition {
  const { rule, scalars } = createOptimizer(configOf(engineSettings)).of({ role: "matrix" });
  const entries = Object.entries(shapes);
  const gradients = entries.map(([name, shape]) => [`grad:${name}`, input(`fed.${name}`, shape)] as const);
  return {
    program: { outputs: { loss: scalar(1), ...Object.fromEntries(gradients) } },
    parameters: entries.map(([name, shape]) => ({
      ...{ name, shape, scalars },
      value: Float32Array.from(near.start[name] ?? []),
    })),
    rule,
    clipNorm: engineSettings.clipNorm,
  };
}

const fed = (t: number, prefix: string) =>
  Object.fromEntries(
    Object.keys(shapes).map((name) => [prefix + name, Float32Array.from(near.gradients[t - 1]![name] ?? [])]),
  );

test("the reference engine's trainer takes the same steps, up to what f32 stores", async () => {
  const trainer = await createReferenceEngine().trainer(definition());
  const { scalarsAt } = createOptimizer(configOf(engineSettings));
  for (let t = 1; t <= stepsOfEngines; t++) await trainer.step([fed(t, "fed.")], scalarsAt(t));
  const expected = path(engineSettings, near).at(-1)!;
  const found = await trainer.read("parameters");
  for (const [name, values] of Object.entries(expected.p))
    expect([...found[name]!]).toEqual(values.map((x) => expect.closeTo(x, 6)));
  const { a } = await trainer.read({ slot: "ratio" });
  expect(a![0]).toBeCloseTo(expected.ratios[0]!, 4);
  await trainer.dispose();
});

test.each(["step", "update"] as const)("so does the web engine's %s, one graph", (part) => {
  const { outputs } = (part === "step" ? stepProgram : updateProgram)(definition());
  const program = compileReference(Object.values(outputs));
  const { scalarsAt } = createOptimizer(configOf(engineSettings));
  const group = createOptimizer(configOf(engineSettings)).of({ role: "matrix" });
  let state: Record<string, ArrayLike<number>> = { ...near.start };
  for (const slot of group.rule.slots)
    for (const name of Object.keys(sizes))
      state[nameOf.slot(slot, name)] = new Float64Array(sizeOf(group.rule.slotShapes!(shapes[name as "a"])[slot]!));
  for (let t = 1; t <= stepsOfEngines; t++) {
    const numbers = Object.entries(scalarsAt(t)).map(([name, value]) => [nameOf.scalar(name), [value]]);
    const next = program.run({
      ...state,
      ...fed(t, part === "step" ? "fed." : nameOf.sum("")),
      ...Object.fromEntries(numbers),
    });
    const found = Object.keys(outputs).map((name, i) => [name, next[i]!] as const);
    const kept = found.filter(([name]) => name.startsWith(nameOf.next("")));
    state = Object.fromEntries(kept.map(([name, values]) => [name.slice(nameOf.next("").length), values]));
  }
  const expected = path(engineSettings, near).at(-1)!;
  for (const [name, values] of Object.entries(expected.p))
    expect([...(state[name] as Float64Array)]).toEqual(values.map((x) => expect.closeTo(x, 6)));
});
