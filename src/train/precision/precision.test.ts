import { afterAll, describe, expect, test } from "vitest";
import { compileReference, createNodeEngine, createReferenceEngine, type Engine } from "../../engine/index.ts";
import { createRng } from "../../ops/index.ts";
import { input } from "../../tensor/index.ts";
import { createOptimizer, optimizerSchema } from "../optimizers/index.ts";
import { precisionSchema, roundNumbers, roundScaled, roundTo, storageKinds, storedOptimizer } from "./index.ts";

const node = createNodeEngine({ threads: 1 });
const reference = createReferenceEngine();
afterAll(() => Promise.all([node.close(), reference.close()]));

/** Exponent and fraction bits, exponent bias, and what the top exponent means, as the formats' documents have them. */
const layouts = {
  bf16: { exponent: 8, fraction: 7, bias: 127, top: "ieee" },
  f16: { exponent: 5, fraction: 10, bias: 15, top: "ieee" },
  e5m2: { exponent: 5, fraction: 2, bias: 15, top: "ieee" },
  // Only the pattern of all ones is NaN (Micikevicius et al. 2022, table 1).
  e4m3: { exponent: 4, fraction: 3, bias: 7, top: "finite" },
} as const;
const kinds = Object.keys(layouts) as (keyof typeof layouts)[];

/** The values of the bit patterns 0, 1, … without sign; infinities and NaN included. */
function valuesOf({ exponent, fraction, bias, top }: (typeof layouts)[keyof typeof layouts]): number[] {
  return Array.from({ length: 2 ** (exponent + fraction) }, (_, bits) => {
    const e = bits >> fraction;
    const f = bits % 2 ** fraction;
    const ones = e === 2 ** exponent - 1;
    if (ones && top === "ieee") return f === 0 ? Number.POSITIVE_INFINITY : Number.NaN;
    if (ones && f === 2 ** fraction - 1) return Number.NaN;
    return e === 0 ? f * 2 ** (1 - bias - fraction) : (1 + f / 2 ** fraction) * 2 ** (e - bias);
  });
}

/** Nearest by comparing with the midpoints between neighbouring patterns; a tie goes to the even pattern. */
function nearestPattern(x: number, kind: keyof typeof layouts): number {
  if (Number.isNaN(x)) return x;
  const all = valuesOf(layouts[kind]);
  const finite = all.filter(Number.isFinite);
  const beyond = 2 * finite.at(-1)! - finite.at(-2)!;
  const magnitude = Math.abs(x);
  let at = finite.findLastIndex((value) => value <= magnitude);
  const next = finite[at + 1] ?? beyond;
  const middle = (finite[at]! + next) / 2;
  if (magnitude > middle || (magnitude === middle && at % 2 === 1)) at++;
  return Object.is(Math.sign(x), -0) || x < 0 ? -all[at]! : all[at]!;
}

/** Neighbours, midpoints and what lies beside midpoints, over the whole range, and random bit patterns. */
function samples(kind: keyof typeof layouts): Float32Array {
  const finite = valuesOf(layouts[kind]).filter(Number.isFinite);
  const step = Math.max(1, Math.floor(finite.length / 120));
  const near = finite
    .filter((_, i) => i % step === 0 || i > finite.length - 3 || i < 5)
    .flatMap((value) => {
      const at = finite.indexOf(value);
      const next = finite[at + 1] ?? 2 * value - finite[at - 1]!;
      const middle = (value + next) / 2;
      return [value, middle, middle * (1 + 2 ** -22), middle * (1 - 2 ** -22)];
    });
  const rng = createRng(3);
  const bits = Uint32Array.from({ length: 500 }, () => Math.floor(rng.uniform() * 2 ** 32));
  const special = [
    0,
    -0,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    2 ** -149,
    3.4e38,
    2 ** 64,
    1.5 * 2 ** 63,
  ];
  return Float32Array.from([...special, ...near, ...near.map((x) => -x), ...new Float32Array(bits.buffer)]);
}

const inGraph = async (engine: Engine, values: Float32Array, kind: keyof typeof layouts): Promise<Float32Array> => {
  const x = input("x", [values.length]);
  const executable = await engine.compile({ outputs: { y: roundTo(x, kind, input("one", [])) } });
  const { y } = await executable.run({ x: values, one: Float32Array.of(1) });
  await executable.dispose();
  return Float32Array.from(y!);
};

const same = (actual: ArrayLike<number>, expected: ArrayLike<number>, x: Float32Array): void => {
  const wrong = Array.from(x, (value, i) => ({ value, actual: actual[i]!, expected: expected[i]! })).filter(
    (one) => !Object.is(one.actual, one.expected),
  );
  expect(wrong.slice(0, 5)).toEqual([]);
};

describe.each(kinds)("[mixed-precision] %s", (kind) => {
  const x = samples(kind);
  const expected = Float32Array.from(x, (value) => nearestPattern(value, kind));

  test("numbers are rounded to the nearest bit pattern, ties to even", () => {
    same(roundNumbers(x, kind), expected, x);
  });
  test("and so they are in graphs, on the native engine and in f64", async () => {
    // ONNX Runtime's Where does not tell the zeros apart.
    const unsigned = (values: Float32Array) => values.map((value) => value + 0);
    same(unsigned(await inGraph(node, x, kind)), unsigned(expected), x);
    same(await inGraph(reference, x, kind), expected, x);
  });
  test("and in update kernels", async () => {
    const rule = {
      slots: [],
      scalars: ["one"],
      update: ({
        p,
        scalars,
      }: {
        p: ReturnType<typeof input>;
        scalars: Readonly<Record<string, ReturnType<typeof input>>>;
      }) => ({
        p: roundTo(p, kind, scalars["one"]!),
        slots: {},
      }),
    };
    const p = input("p", [x.length]);
    const trainer = await node.trainer({
      program: {
        outputs: { loss: p.mul(0).reshape([-1]).slice(0, 0, 1).sum(), "grad:p": p.mul(0).mul(0).isNaN().cast("f32") },
      },
      rule,
      parameters: [{ name: "p", shape: [x.length], value: x, scalars: {} }],
    });
    await trainer.step([{}], { one: 1 });
    const { p: stored } = await trainer.read("parameters");
    await trainer.dispose();
    same(stored!, expected, x);
  });
});

describe.each(["f16", "e4m3", "e5m2"] as const)("[mixed-precision] %s with a scale of each tensor", (kind) => {
  const rng = createRng(4);
  const drawn = Array.from({ length: 200 }, () => (rng.uniform() - 0.5) * 2 ** (-6 * rng.uniform()));
  const largest = { f16: 65_504, e4m3: 448, e5m2: 57_344 }[kind];
  const scaledIn = async (engine: Engine, values: Float32Array) => {
    const x = input("x", [values.length]);
    const executable = await engine.compile({ outputs: { y: roundScaled(x, kind, input("one", [])) } });
    const { y } = await executable.run({ x: values, one: Float32Array.of(1) });
    await executable.dispose();
    return Float32Array.from(y!);
  };

  test.each([1, 2 ** -40, 1e-17, 3e5, 2 ** 60])("numbers around %f keep the format's digits", async (size) => {
    const x = Float32Array.from(drawn, (value) => value * size);
    const magnitude = x.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const scale = 2 ** Math.floor(Math.log2(largest / magnitude));
    expect(magnitude * scale).toBeLessThanOrEqual(largest);
    const rounded = roundNumbers(
      x.map((value) => value * scale),
      kind,
    );
    const expected = rounded.map((value) => value / scale);
    const unsigned = (values: Float32Array) => values.map((value) => value + 0);
    for (const engine of [node, reference]) same(unsigned(await scaledIn(engine, x)), unsigned(expected), x);
    // Those not far below the largest are off by half a unit in the last place at most.
    for (const [i, value] of x.entries())
      if (Math.abs(value) > magnitude / 64) expect(Math.abs(expected[i]! / value - 1)).toBeLessThanOrEqual(1 / 8);
  });

  test("zeros stay zero, and what is not finite is still seen", async () => {
    for (const engine of [node, reference]) {
      expect([...(await scaledIn(engine, Float32Array.of(0, 0)))]).toEqual([0, 0]);
      const [nan, infinite] = await scaledIn(engine, Float32Array.of(Number.NaN, Number.NEGATIVE_INFINITY, 1));
      expect(nan).toBeNaN();
      expect(Number.isFinite(infinite)).toBe(false);
    }
  });
});

test("f32 is left as it is", () => {
  const x = input("x", [2]);
  expect(roundTo(x, "f32", input("one", []))).toBe(x);
  expect(storageKinds[0]).toBe("f32");
});

describe("stored optimizer", () => {
  const c = optimizerSchema.parse({ kind: "adamw" });
  const rule = (precision: object) =>
    storedOptimizer(createOptimizer(c), precisionSchema.parse(precision)).of({ role: "matrix" });

  test("is the optimizer itself in full precision, and one rule serves all matrices", () => {
    const plain = createOptimizer(c);
    expect(storedOptimizer(plain, precisionSchema.parse({}))).toBe(plain);
    const stored = storedOptimizer(plain, precisionSchema.parse({ moments: "bf16" }));
    expect(stored.of({ role: "matrix" }).rule).toBe(stored.of({ role: "matrix" }).rule);
  });

  test("moments are values of their format, the f32 copy of the parameter is not rounded", () => {
    const { rule: stored } = rule({ parameters: "bf16", moments: "f16" });
    const names = ["p", "g", ...stored.slots.map((slot) => `slot.${slot}`)];
    const leaf = Object.fromEntries(names.map((name) => [name, input(name, [3])]));
    const scalars = Object.fromEntries(stored.scalars.map((name) => [name, input(name, [])]));
    const slots = Object.fromEntries(stored.slots.map((slot) => [slot, leaf[`slot.${slot}`]!]));
    const next = stored.update({ p: leaf["p"]!, g: leaf["g"]!, slots, scalars });
    const program = compileReference([next.p, ...Object.values(next.slots)]);
    const [p, ...moments] = program.run({
      p: [0.1, -0.2, 0.3],
      g: [0.01, 0.02, -0.3],
      ...Object.fromEntries(stored.slots.map((slot) => [`slot.${slot}`, [0.001, 0.002, 0.003]])),
      ...Object.fromEntries(stored.scalars.map((name) => [name, [name === "one" ? 1 : 0.01]])),
    });
    for (const moment of moments) {
      const values = Float32Array.from(moment!);
      same(values, roundNumbers(values, "f16"), values);
      expect([...values]).not.toEqual([0, 0, 0]);
    }
    const values = Float32Array.from(p!);
    expect([...values]).not.toEqual([...roundNumbers(values, "bf16")]);
  });
});
