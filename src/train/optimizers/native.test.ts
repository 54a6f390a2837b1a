import { afterAll, describe, expect, test } from "vitest";
import { createEngine, type Engine, type TrainerDefinition } from "../../engine/index.ts";
import { createRng } from "../../ops/index.ts";
import { input, scalar, sizeOf } from "../../tensor/index.ts";
import { createOptimizer } from "./create.ts";
import {
  type OptimizerConfig,
  type OptimizerInput,
  type OptimizerKind,
  optimizerSchema,
  optimizers,
} from "./registry.ts";
import { replay, type Trajectory } from "./replay.ts";

const engines = {
  natively: await createEngine("node", { threads: 1 }),
  "as nodes of a graph in WebAssembly": await createEngine("web", { threads: 1 }),
};
afterAll(() => Promise.all(Object.values(engines).map((engine) => engine.close())));

const start = {
  tall: { shape: [5, 3], role: "matrix" as const, values: draws(15, 1) },
  wide: { shape: [2, 3, 4], role: "matrix" as const, values: draws(24, 2) },
  table: { shape: [7, 3], role: "embedding" as const, values: draws(21, 3) },
  bias: { shape: [6], role: "bias" as const, values: draws(6, 4) },
};
type Start = Trajectory["start"];

/** Matrices of full rank: eigenvectors of zero eigenvalues, which SOAP would begin with, are whatever rounding says. */
const square: Start = {
  ...start,
  tall: { shape: [4, 4], role: "matrix", values: draws(16, 1) },
  wide: { shape: [2, 3, 3], role: "matrix", values: draws(18, 2) },
};

/** Of the size of the first steps: f32 then resolves how far Prodigy's parameters are from where they began. */
const small: Start = Object.fromEntries(
  Object.entries(start).map(([name, from]) => [name, { ...from, values: from.values.map((x) => x * 1e-6) }]),
);

const startOf = (kind: OptimizerKind): Start => (kind === "soap" ? square : kind === "prodigy" ? small : start);

const trajectoryOf = (kind: OptimizerKind): Trajectory => {
  const from = startOf(kind);
  const gradient = (name: string, t: number) => draws(sizeOf(from[name]!.shape), 100 * t + name.length);
  return { start: from, steps: 6, gradient };
};

function draws(count: number, seed: number): Float32Array {
  const rng = createRng(seed);
  return Float32Array.from({ length: count }, () => 2 * rng.uniform() - 1);
}

/** A trainer whose gradients are fed. */
function definitionOf(c: OptimizerConfig): TrainerDefinition {
  const optimizer = createOptimizer(c);
  const entries = Object.entries(trajectoryOf(c.kind).start);
  return {
    program: {
      outputs: {
        loss: scalar(1),
        ...Object.fromEntries(entries.map(([name, { shape }]) => [`grad:${name}`, input(`fed.${name}`, shape)])),
      },
    },
    parameters: entries.map(([name, { shape, role, values }]) => ({
      name,
      shape,
      value: Float32Array.from(values),
      ...optimizer.of({ role }),
    })),
    rule: optimizer.of({ role: "matrix" }).rule,
    ...(c.clipNorm !== null && { clipNorm: c.clipNorm }),
  };
}

async function trained(engine: Engine, c: OptimizerConfig) {
  const trainer = await engine.trainer(definitionOf(c));
  const optimizer = createOptimizer(c);
  const trajectory = trajectoryOf(c.kind);
  for (let t = 1; t <= trajectory.steps; t++) {
    const fed = Object.keys(trajectory.start).map((name) => [
      `fed.${name}`,
      Float32Array.from(trajectory.gradient(name, t)),
    ]);
    await trainer.step([Object.fromEntries(fed)], optimizer.scalarsAt(t));
  }
  return trainer;
}

/** Largest difference over the largest magnitude. */
function difference(actual: ArrayLike<number>, expected: Float64Array): number {
  const scale = Math.max(...Array.from(expected, Math.abs)) || 1;
  return Math.max(0, ...Array.from(expected, (value, i) => Math.abs(actual[i]! - value))) / scale;
}

/** Roots of nearly singular statistics and orthogonalisation magnify rounding. */
const tolerance = (kind: OptimizerKind) => (kind === "shampoo" || kind === "muon" || kind === "soap" ? 1e-4 : 5e-6);

const variants: readonly OptimizerInput[] = [
  { kind: "adamw", ema: 0.9, maximize: true, clipValue: 0.3, clipNorm: null },
  {
    kind: "adam",
    amsgrad: true,
    weightDecay: 0.1,
    roles: { embedding: { rateRatio: 0.5 }, bias: { weightDecay: 0.2 } },
  },
  { kind: "rmsprop", centered: true, momentum: 0.9 },
  { kind: "lion", cautious: true },
  { kind: "lion", decay: "independent" },
  { kind: "muon", ema: "mean", nesterov: false, scale: "match-rms" },
  { kind: "mars", form: "lion" },
  { kind: "lamb", decay: "decoupled" },
  { kind: "prodigy", biasCorrection: true, growthRate: 1.5, weightDecay: 0.1, ema: 0.9 },
  { kind: "prodigy", safeguardWarmup: true, decay: "coupled", weightDecay: 0.1, roles: { bias: { rateRatio: 0 } } },
  { kind: "soap", every: 2, normalise: true, largestAxis: 3 },
  { kind: "sophia", bound: 1, samples: 2 },
];

describe.each(Object.entries(engines))("%s", (_, engine) => {
  test.each([...[...optimizers.keys()].map((kind) => ({ kind })), ...variants])(
    "%j is its evaluation in f64 up to rounding",
    async (given) => {
      const c = optimizerSchema.parse(given as OptimizerInput);
      const trainer = await trained(engine, c);
      const last = replay(c, trajectoryOf(c.kind)).at(-1)!;
      for (const slot of new Set(Object.values(last).flatMap(Object.keys))) {
        const read = await trainer.read(slot === "p" ? "parameters" : { slot });
        expect(Object.keys(read)).toEqual(Object.keys(last).filter((name) => slot in last[name]!));
        for (const [name, values] of Object.entries(read))
          expect(difference(values, last[name]![slot]!), `${slot} of ${name}`).toBeLessThan(tolerance(c.kind));
      }
      await trainer.dispose();
    },
  );
});
