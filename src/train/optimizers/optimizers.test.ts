import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createReferenceEngine } from "../../engine/index.ts";
import { grad } from "../../grad/index.ts";
import { createRng } from "../../ops/index.ts";
import { input } from "../../tensor/index.ts";
import { createOptimizer } from "./create.ts";
import { type OptimizerInput, optimizerSchema, optimizers } from "./registry.ts";
import { replay } from "./replay.ts";

/** One parameter that starts at 1 and is given these gradients. */
function path(
  given: OptimizerInput,
  {
    gradients = [1, 2, -1],
    slot = "p",
    factor,
  }: { gradients?: readonly number[]; slot?: string; factor?: (t: number) => number } = {},
): number[] {
  const c = optimizerSchema.parse({ clipNorm: null, ...given });
  const start = { x: { shape: [1], role: "matrix" as const, values: [1] } };
  return replay(c, { start, steps: gradients.length, gradient: (_, t) => [gradients[t - 1]!] }, factor).map(
    (step) => step["x"]![slot]![0]!,
  );
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, i) => void expect(actual[i]).toBeCloseTo(value, 12));
}

/** Half of Σ aᵢ(xᵢ − 1)² with curvatures 1 … 4, minimised from 0; the loss before every step. */
async function quadratic(
  given: OptimizerInput,
  { steps, factor = () => 1 }: { steps: number; factor?: (t: number) => number },
): Promise<number[]> {
  const c = optimizerSchema.parse(given);
  const optimizer = createOptimizer(c, factor);
  const x = input("x", [4]);
  const loss = x
    .sub(1)
    .square()
    .mul(input("curvatures", [4]))
    .sum()
    .mul(0.5);
  const trainer = await createReferenceEngine().trainer({
    program: { outputs: { loss, "grad:x": grad(loss, [x])[0]! } },
    parameters: [{ name: "x", shape: [4], value: new Float32Array(4), ...optimizer.of({ role: "matrix" }) }],
    rule: optimizer.of({ role: "matrix" }).rule,
    ...(c.clipNorm !== null && { clipNorm: c.clipNorm }),
  });
  const losses: number[] = [];
  for (let t = 1; t <= steps; t++)
    losses.push(
      (await trainer.step([{ curvatures: Float32Array.of(1, 2, 3, 4) }], optimizer.scalarsAt(t))).outputs["loss"]!,
    );
  return losses;
}

describe("tables by hand, from 1 along the gradients 1, 2, −1", () => {
  test("[sgd-adamw-family] gradient descent", () => {
    expectClose(path({ kind: "sgd" }), [0.9, 0.7, 0.8]);
  });

  test("[sgd-adamw-family] momentum: velocities 1, 2.9, 1.61, dampened 1, 1.9, 1.21", () => {
    expectClose(path({ kind: "momentum" }), [0.9, 0.61, 0.449]);
    expectClose(path({ kind: "momentum", dampening: 0.5 }), [0.9, 0.71, 0.589]);
  });

  test("[sgd-adamw-family] Nesterov: directions 1.9, 4.61, 0.449", () => {
    expectClose(path({ kind: "nesterov" }), [0.81, 0.349, 0.3041]);
  });

  test("[sgd-adamw-family] AdamW: m̂ = 1, 5/3, 1/7 and v̂ = 1, 19/7, 73/37 at β = ½, ¾", () => {
    const second = 0.99 * 0.89 - 0.1 * (5 / 3 / Math.sqrt(19 / 7));
    const table = [0.89, second, 0.99 * second - 0.1 * (1 / 7 / Math.sqrt(73 / 37))];
    expectClose(path({ learningRate: 0.1, beta1: 0.5, beta2: 0.75, epsilon: 0, weightDecay: 0.1 }), table);
  });

  test("[sgd-adamw-family] weight EMA of 0.9, 0.7, 0.8 and their mean", () => {
    expectClose(path({ kind: "sgd", ema: 0.75 }, { slot: "ema" }), [0.9, 0.85, 0.8375]);
    expectClose(path({ kind: "sgd", ema: "mean" }, { slot: "ema" }), [0.9, 0.8, 0.8]);
  });

  test("[adam-vaswani] β = 0.9, 0.98, ε = 1e-9: m̂ = 1, 29/19, 161/271 and v̂ = 1, 83/33, 14701/7351", () => {
    const epsilon = 1e-9;
    const first = 1 - 0.1 / (1 + epsilon);
    const second = first - (0.1 * (29 / 19)) / (Math.sqrt(83 / 33) + epsilon);
    const third = second - (0.1 * (161 / 271)) / (Math.sqrt(14701 / 7351) + epsilon);
    expectClose(path({ kind: "adam", learningRate: 0.1, beta1: 0.9, beta2: 0.98, epsilon }), [first, second, third]);
  });
});

test("[sgd-adamw-family] Nesterov's path is that of heavy ball less rate·μ·velocity, and so differs from it", () => {
  const rng = createRng(7);
  const gradients = Array.from({ length: 12 }, () => rng.uniform() - 0.5);
  const heavy = path({ kind: "momentum" }, { gradients });
  const velocity = path({ kind: "momentum" }, { gradients, slot: "b" });
  const ahead = path({ kind: "nesterov" }, { gradients });
  expectClose(
    ahead,
    heavy.map((x, i) => x - 0.1 * 0.9 * velocity[i]!),
  );
  expect(Math.abs(ahead[11]! - heavy[11]!)).toBeGreaterThan(1e-3);
});

test("[sgd-adamw-family] gradients are scaled by min(1, clip/(norm + 1e-6)), then cut entry by entry", () => {
  const gradient = (scale: number) => [3 * scale, -4 * scale];
  const moved = (c: OptimizerInput, scale: number) => {
    const start = { x: { shape: [2], role: "matrix" as const, values: [0, 0] } };
    const [step] = replay(optimizerSchema.parse(c), { start, steps: 1, gradient: () => gradient(scale) });
    return [...step!["x"]!["p"]!];
  };
  const scaled = 1 / (5 + 1e-6);
  expectClose(moved({ kind: "sgd", learningRate: 1 }, 1), [-3 * scaled, 4 * scaled]);
  expectClose(moved({ kind: "sgd", learningRate: 1 }, 0.1), [-0.3, 0.4]);
  expectClose(moved({ kind: "sgd", learningRate: 1, clipNorm: null, clipValue: 3.5 }, 1), [-3, 3.5]);
  expectClose(moved({ kind: "sgd", learningRate: 1, clipValue: 0.7 }, 1), [-3 * scaled, 0.7]);
});

test("[sgd-adamw-family] each descends a convex quadratic", async () => {
  for (const kind of ["sgd", "momentum", "nesterov"] as const)
    expect((await quadratic({ kind, learningRate: 0.05, clipNorm: null }, { steps: 150 })).at(-1)).toBeLessThan(1e-4);
  expect((await quadratic({ learningRate: 0.1, weightDecay: 0 }, { steps: 150 })).at(-1)).toBeLessThan(1e-4);
});

test("[adam-vaswani] the first step is −rate·sign(g) up to ε", () => {
  for (const g of [1e-3, -1e-3, 5, -5]) {
    const [x] = path({ kind: "adam", learningRate: 0.1, beta1: 0.9, beta2: 0.98, epsilon: 1e-9 }, { gradients: [g] });
    expect(Math.abs(x! - 1 + 0.1 * Math.sign(g))).toBeLessThan(0.1 * (1e-9 / Math.abs(g)) + 1e-15);
  }
});

test("[adam-vaswani] a convex quadratic converges", async () => {
  const losses = await quadratic(
    { kind: "adam", learningRate: 0.1, beta1: 0.9, beta2: 0.98, epsilon: 1e-9, clipNorm: null },
    { steps: 400, factor: (t) => (t < 200 ? 1 : 0.1) },
  );
  expect(losses[0]).toBeCloseTo(5, 6);
  expect(losses.at(-1)).toBeLessThan(1e-8);
});

describe("[weight-decay]", () => {
  const rest = { learningRate: 0.1, weightDecay: 0.2 } as const;
  const factor = (t: number) => 1 / t;

  test("decoupled: p·(1 − rate·decay), then the step", () => {
    const [undecayed] = path({ kind: "adam", learningRate: 0.1 }, { gradients: [3] });
    const [decayed] = path({ kind: "adam", ...rest, decay: "decoupled" }, { gradients: [3] });
    expect(decayed).toBeCloseTo(undecayed! - 0.1 * 0.2, 15);
    expectClose(path({ kind: "sgd", ...rest, decay: "decoupled" }, { gradients: [0, 0], factor }), [
      0.98,
      0.98 * (1 - 0.05 * 0.2),
    ]);
  });

  test("independent: as decoupled, by the schedule's factor in place of the rate", () => {
    expectClose(path({ kind: "sgd", ...rest, decay: "independent" }, { gradients: [0, 0], factor }), [
      0.8,
      0.8 * (1 - 0.1),
    ]);
  });

  test("coupled: the gradient of the loss and of ½·decay·p², which Adam rescales", () => {
    expectClose(path({ kind: "sgd", ...rest }, { gradients: [1] }), [1 - 0.1 * (1 + 0.2)]);
    const [x] = path({ kind: "adam", ...rest }, { gradients: [0] });
    expect(x).toBeCloseTo(0.9, 6);
  });

  test("matrices alone decay, unless decayAll or roles say otherwise", () => {
    const decayOf = (given: OptimizerInput, role: "matrix" | "bias" | "embedding") =>
      createOptimizer(optimizerSchema.parse(given)).of({ role }).scalars["weightDecay"];
    expect([decayOf({}, "matrix"), decayOf({}, "bias"), decayOf({}, "embedding")]).toEqual([0.1, 0, 0]);
    expect(decayOf({ decayAll: true }, "bias")).toBe(0.1);
    expect(decayOf({ roles: { embedding: { weightDecay: 0.3 } } }, "embedding")).toBe(0.3);
  });
});

test("[moving-average] the weight EMA of parameters that do not move is exactly them", () => {
  expect(path({ kind: "sgd", ema: 0.9999 }, { gradients: Array(50).fill(0), slot: "ema" })).toEqual(Array(50).fill(1));
});

test("maximize climbs", () => {
  expectClose(path({ kind: "sgd", maximize: true }), [1.1, 1.3, 1.2]);
});

test("the rate of a role is its share of the optimizer's, and other rules have numbers of their own", () => {
  const optimizer = createOptimizer(
    optimizerSchema.parse({
      kind: "muon",
      learningRate: 0.02,
      others: { learningRate: 0.001 },
      roles: { bias: { rateRatio: 0.5 } },
    }),
    (t) => 1 / t,
  );
  expect(optimizer.of({ role: "matrix" }).rule).not.toBe(optimizer.of({ role: "bias" }).rule);
  expect(optimizer.of({ role: "bias" }).scalars).toEqual({ "others.weightDecay": 0, "others.rateRatio": 0.5 });
  expect(optimizer.scalarsAt(2)).toMatchObject({ learningRate: 0.01, "others.learningRate": 0.0005 });
});

test("schedule-free evaluates its average, not where gradients are taken", () => {
  const given = { kind: "schedule-free-sgd", learningRate: 0.1 } as const;
  expect(createOptimizer(optimizerSchema.parse(given)).evaluates).toBe("x");
  expect(createOptimizer(optimizerSchema.parse({})).evaluates).toBeUndefined();
  const [y, z, x] = ["p", "z", "x"].map((slot) => path(given, { slot }));
  y!.forEach((value, i) => void expect(value).toBeCloseTo(0.1 * z![i]! + 0.9 * x![i]!, 12));
});

describe("configs", () => {
  test("adamw is the default, with every setting filled in", () => {
    expect(optimizerSchema.parse({})).toMatchObject({
      kind: "adamw",
      learningRate: 3e-3,
      weightDecay: 0.1,
      clipNorm: 1,
      ema: null,
    });
  });

  test("unknown kinds and settings of another kind are refused", () => {
    expect(optimizerSchema.safeParse({ kind: "adamm" }).error?.message).toMatch(/adamw/);
    expect(optimizerSchema.safeParse({ kind: "sgd", beta1: 0.9 }).error?.message).toMatch(
      /Unrecognized key: \\"beta1\\"/,
    );
  });

  test("every declaration is in the registry under its file's name", () => {
    for (const kind of optimizers.keys()) expect(readdirSync(import.meta.dirname)).toContain(`${kind}.ts`);
  });
});

test("SOAP's first step only looks: parameters stay, statistics and their eigenvectors are there", () => {
  const c = optimizerSchema.parse({ kind: "soap", clipNorm: null });
  const start = { x: { shape: [2, 2], role: "matrix" as const, values: [1, 2, 3, 4] } };
  const gradient = () => [3, 0, 0, 1];
  const [first, second] = replay(c, { start, steps: 2, gradient }).map((step) => step["x"]!);
  expect([...first!["p"]!]).toEqual([1, 2, 3, 4]);
  expect([...first!["left"]!].map((value) => value / 0.05)).toEqual([9, 0, 0, 1].map((value) => expect.closeTo(value)));
  expect([...first!["leftBasis"]!].map(Math.abs)).toEqual([1, 0, 0, 1]);
  expect([...second!["p"]!]).not.toEqual([1, 2, 3, 4]);
});
