/** Every op of the vocabulary on random shapes: native engine and WebAssembly against reference, and gradients of both orders against differences. */
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { createEngine, type Engine } from "../engine/index.ts";
import { runReference } from "../engine/reference.ts";
import { grad, hvp } from "../grad/index.ts";
import { createRng } from "../ops/index.ts";
import {
  apply1,
  constant,
  type DType,
  input,
  isFused,
  type Op,
  type OpAttrs,
  type Tensor,
  topological,
} from "../tensor/index.ts";
import type { Operand, OpRow, OpSample } from "./op-samples.fixture.ts";
import { opTable } from "./op-table.fixture.ts";

/** Compared with the reference engine, and on how many samples of an op. */
const compared: readonly { name: string; engine: Engine; samples: number }[] = [
  { name: "natively", engine: await createEngine("node", { threads: 1 }), samples: 20 },
  { name: "in WebAssembly", engine: await createEngine("web", { threads: 1 }), samples: 8 },
];
afterAll(() => Promise.all(compared.map(({ engine }) => engine.close())));

type Feeds = Readonly<Record<string, Float64Array>>;
const arrays = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint8Array };

/** A sample's outputs, the loss Σ weight·(y + y²/2) over its float outputs, and what is fed. */
function traced({ operands, build }: OpSample) {
  const leaves = operands.map(({ shape, dtype }, i) => input(`x${i}`, shape, dtype));
  const outputs = build(leaves);
  const rng = createRng(5);
  const weighted = outputs
    .filter((y) => y.dtype === "f32")
    .map((y) => {
      const weight = constant(
        Float64Array.from({ length: y.size }, () => 0.5 + rng.uniform()),
        y.shape,
      );
      return y.add(y.square().mul(0.5)).mul(weight).sum();
    });
  const feeds: Feeds = Object.fromEntries(operands.map(({ values }, i) => [`x${i}`, Float64Array.from(values)]));
  const floats = leaves.filter((leaf) => leaf.dtype === "f32");
  return {
    leaves,
    outputs,
    loss: weighted.length > 0 ? weighted.reduce((a, b) => a.add(b)) : undefined,
    feeds,
    floats,
  };
}

const nameOf = (leaf: Tensor) => (leaf.node.op === "input" ? leaf.node.attrs.name : "");

/** Central differences of tensors along random directions of ±1 of the float leaves. */
function differences(tensors: readonly Tensor[], feeds: Feeds, directions: Feeds): Float64Array[] {
  const step = 1e-5;
  const at = (sign: number) => {
    const moved = Object.entries(directions).map(([name, d]) => [
      name,
      feeds[name]!.map((x, i) => x + sign * step * d[i]!),
    ]);
    return runReference(tensors, { ...feeds, ...Object.fromEntries(moved) });
  };
  const [above, below] = [at(1), at(-1)];
  return above.map((values, i) => values.map((value, j) => (value - below[i]![j]!) / (2 * step)));
}

function expectClose(
  actual: readonly ArrayLike<number>[],
  expected: readonly ArrayLike<number>[],
  tolerance: number,
  least = 1e-2,
) {
  const scale = Math.max(least, ...expected.flatMap((list) => Array.from(list, Math.abs)));
  for (const [i, list] of expected.entries()) {
    expect(actual[i]!.length).toBe(list.length);
    for (let j = 0; j < list.length; j++)
      if (!(Math.abs(actual[i]![j]! - list[j]!) <= tolerance * scale))
        expect.fail(`tensor ${i}, element ${j}: ${actual[i]![j]}, expected ${list[j]} within ${tolerance * scale}`);
  }
}

/** First and second order against differences, by a random direction each. */
function checkGradients(sample: OpSample): void {
  const { loss, feeds, floats } = traced(sample);
  if (loss === undefined || floats.length === 0) return;
  const rng = createRng(9);
  const directions = Object.fromEntries(
    floats.map((leaf) => [
      nameOf(leaf),
      Float64Array.from({ length: leaf.size }, () => (rng.uniform() < 0.5 ? -1 : 1)),
    ]),
  );
  const slopes = grad(loss, floats).map((g, i) => g ?? floats[i]!.mul(0));
  const vectors = floats.map((leaf) => constant(directions[nameOf(leaf)]!, leaf.shape));
  const along = slopes.map((g, i) => g.mul(vectors[i]!).sum()).reduce((a, b) => a.add(b));
  const [first, ...second] = runReference([along, ...hvp(loss, floats, vectors)], feeds);
  const [slope, ...turns] = differences([loss, ...slopes], feeds, directions);
  expectClose([first!], [slope!], 1e-5);
  expectClose(second, turns, 1e-5);
}

const feedOf = (data: Float64Array, dtype: DType) => arrays[dtype].from(data);

/** Outputs with their gradients in one program, and alone: an engine may choose another form of a fused op then. */
async function checkEngine(engine: Engine, sample: OpSample): Promise<void> {
  const { outputs, loss, floats, ...fed } = traced(sample);
  const slopes = loss ? grad(loss, floats).flatMap((g) => g ?? []) : [];
  await checkTensors(engine, [...outputs, ...slopes], fed);
  if (topological(outputs).some(isFused)) await checkTensors(engine, outputs, fed);
}

async function checkTensors(
  engine: Engine,
  tensors: readonly Tensor[],
  { leaves, feeds }: { leaves: readonly Tensor[]; feeds: Feeds },
): Promise<void> {
  const program = await engine.compile({ outputs: Object.fromEntries(tensors.map((t, i) => [`y${i}`, t])) });
  const given = leaves.map((leaf) => [nameOf(leaf), feedOf(feeds[nameOf(leaf)]!, leaf.dtype)] as const);
  const found = await program.run(Object.fromEntries(given));
  await program.dispose();
  const expected = runReference(
    tensors,
    Object.fromEntries(given.map(([name, data]) => [name, Float64Array.from(data)])),
  );
  for (const [i, t] of tensors.entries())
    if (t.dtype === "f32") expectClose([found[`y${i}`]!], [expected[i]!], 2e-4, 1e-3);
    else expect(Array.from(found[`y${i}`]!, Number), `y${i}`).toEqual([...expected[i]!]);
}

const ops = Object.entries(opTable) as [Op, OpRow][];
const seed = 20261122;

describe("[backprop-engine] every op on random shapes, empty and size-1 axes among them", () => {
  test.each(ops)("%s: its samples hold it", (op, { samples }) => {
    const found = fc.sample(samples, { numRuns: 20, seed }).flatMap((sample) => topological(traced(sample).outputs));
    expect(found.map((node) => node.op)).toContain(op);
  });

  test.each(ops.filter(([, { gradient }]) => gradient === "smooth"))(
    "%s: gradients of first and second order",
    (_, { samples }) => {
      fc.assert(fc.property(samples, checkGradients), { numRuns: 60, seed });
    },
  );

  describe.each(compared)("$name", ({ engine, samples: numRuns }) => {
    test.each(ops)("%s: as on the reference engine", async (_, { samples }) => {
      const check = (sample: OpSample) => checkEngine(engine, sample);
      await fc.assert(fc.asyncProperty(samples, check), { numRuns, seed });
    });
  });
});

/** What IEEE 754 treats apart, and some ordinary numbers. */
const ordinary = [1, -1, 0.5, 2.5, -2.5, 1e30, -1e30];
const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, ...ordinary];

/** Every special value, or every pair of them. */
function specialOperands(count: number): Operand[] {
  const operand = (values: readonly number[]): Operand => ({ shape: [values.length], dtype: "f32", values });
  if (count === 1) return [operand(special)];
  return [operand(special.flatMap((x) => special.map(() => x))), operand(special.flatMap(() => special))];
}

/** IEEE 754 has no sign function: of NaN, engines say 0 or NaN. */
const undefinedAt = (op: Op, operands: readonly Operand[], i: number) =>
  op === "sign" && Number.isNaN(operands[0]!.values[i]);

function expectSame(found: number, expected: number, where: string): void {
  if (!Number.isFinite(expected)) expect(found, where).toBe(expected);
  else expect(Math.abs(found - expected), where).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(expected)));
}

describe("[backprop-engine] NaN and infinities as IEEE 754", () => {
  const elementwise = ops.flatMap(([op, { elementwise }]) => (elementwise ? [{ op, count: elementwise }] : []));
  const cases = compared.flatMap(({ name, engine }) => elementwise.map((one) => ({ name, engine, ...one })));
  test.each(cases)("$op, $name", async ({ engine, op, count }) => {
    const operands = specialOperands(count);
    const leaves = operands.map(({ shape }, i) => input(`x${i}`, shape));
    const y = apply1(op, leaves, {} as OpAttrs[typeof op]);
    const feeds = Object.fromEntries(operands.map(({ values }, i) => [`x${i}`, Float32Array.from(values)]));
    const program = await engine.compile({ outputs: { y } });
    const found = Array.from((await program.run(feeds))["y"]!, Number);
    await program.dispose();
    for (const [i, value] of runReference([y], feeds)[0]!.entries())
      if (!undefinedAt(op, operands, i))
        expectSame(found[i]!, Math.fround(value), `${op}(${operands.map(({ values }) => values[i]).join(", ")})`);
  });
});
