import { afterAll, describe, expect, test } from "vitest";
import { createNodeEngine } from "../engine/index.ts";
import { runReference } from "../engine/reference.ts";
import { createRng } from "../ops/index.ts";
import { constant, input, sizeOf, type Tensor } from "../tensor/index.ts";
import { compositionCases } from "../testing/composition-cases.ts";
import type { GradCase } from "../testing/grad-case.ts";
import { gradCases } from "../testing/grad-cases.ts";
import { grad, hvp, jacobian, jvp } from "./index.ts";

const engine = createNodeEngine({ threads: 1 });
afterAll(() => engine.close());

type Feeds = Record<string, Float64Array>;

/** A loss in which no gradient is constant: Σ cotangent·(y + y²/2) over the case's output. */
function prepare({ name, inputs, range: [low, high] = [-2, 2], build }: GradCase) {
  const rng = createRng(11).fork(name);
  const draw = (size: number, from: number, to: number) =>
    Float64Array.from({ length: size }, () => from + (to - from) * rng.uniform());
  const leaves = inputs.map((shape, i) => input(`x${i}`, shape));
  const y = build(leaves);
  const cotangent = constant(draw(y.size, 0.3, 1), y.shape);
  const loss = y.add(y.square().mul(0.5)).mul(cotangent).sum();
  const feeds: Feeds = Object.fromEntries(inputs.map((shape, i) => [`x${i}`, draw(sizeOf(shape), low, high)]));
  const vectors = inputs.map((shape) => draw(sizeOf(shape), -1, 1));
  return { y, loss, leaves, feeds, vectors, tangents: vectors.map((v, i) => constant(v, inputs[i]!)) };
}

/** (f(x + h·v) − f(x − h·v)) / 2h of every tensor, all inputs moving together. */
function differences(tensors: readonly Tensor[], feeds: Feeds, vectors: readonly Float64Array[]): Float64Array[] {
  const step = 1e-5;
  const at = (sign: number) =>
    runReference(
      tensors,
      Object.fromEntries(
        Object.entries(feeds).map(([name, x], i) => [name, x.map((value, j) => value + sign * step * vectors[i]![j]!)]),
      ),
    );
  const [above, below] = [at(1), at(-1)];
  return above.map((values, i) => values.map((value, j) => (value - below[i]![j]!) / (2 * step)));
}

function expectClose(actual: readonly ArrayLike<number>[], expected: readonly Float64Array[], tolerance: number): void {
  const scale = Math.max(1e-2, ...expected.flatMap((list) => Array.from(list, Math.abs)));
  expected.forEach((list, i) => {
    expect(actual[i]!.length).toBe(list.length);
    list.forEach((value, j) => void expect(Math.abs(actual[i]![j]! - value) / scale).toBeLessThan(tolerance));
  });
}

async function native(tensors: readonly Tensor[], feeds: Feeds): Promise<ArrayLike<number>[]> {
  const program = await engine.compile({ outputs: Object.fromEntries(tensors.map((t, i) => [`y${i}`, t])) });
  const singles = Object.entries(feeds).map(([name, x]) => [name, Float32Array.from(x)] as const);
  const read = await program.run(Object.fromEntries(singles));
  await program.dispose();
  return tensors.map((_, i) => read[`y${i}`]!);
}

const cases = [...gradCases, ...compositionCases];

describe("[backprop-engine] second order", () => {
  test.each(cases.map((c) => [c.name, c] as const))(
    "%s: Hessian–vector product = differences of the gradient",
    (_, c) => {
      const { loss, leaves, feeds, vectors, tangents } = prepare(c);
      const slopes = grad(loss, leaves).map((g, i) => g ?? leaves[i]!.mul(0));
      expectClose(runReference(hvp(loss, leaves, tangents), feeds), differences(slopes, feeds, vectors), 1e-5);
    },
  );

  test.each(cases.map((c) => [c.name, c] as const))(
    "%s: Jacobian–vector product = differences of the output",
    (_, c) => {
      const { y, leaves, feeds, vectors, tangents } = prepare(c);
      expectClose(runReference(jvp([y], leaves, tangents), feeds), differences([y], feeds, vectors), 1e-5);
    },
  );

  test.each(cases.map((c) => [c.name, c] as const))("%s: natively as on the reference engine", async (_, c) => {
    const { y, loss, leaves, feeds, tangents } = prepare(c);
    const tensors = [...hvp(loss, leaves, tangents), ...jvp([y], leaves, tangents)];
    const rounded = Object.fromEntries(
      Object.entries(feeds).map(([name, x]) => [name, Float64Array.from(Float32Array.from(x))]),
    );
    expectClose(await native(tensors, rounded), runReference(tensors, rounded), 2e-4);
  });
});

describe("[backprop-engine] derivatives as tensors", () => {
  const x = input("x", [3]);
  const feeds = { x: Float64Array.of(1, 2, -3) };
  const f = x
    .pow(3)
    .sum()
    .add(x.at(0, 0).mul(x.at(0, 1)));

  test("the Jacobian of a gradient is the Hessian", () => {
    const [slope] = grad(f, [x]);
    const [hessian] = jacobian(slope!, [x]);
    expect(hessian!.shape).toEqual([3, 3]);
    expect([...runReference([hessian!], feeds)[0]!]).toEqual([6, 1, 0, 1, 12, 0, 0, 0, -18]);
  });

  test("a Jacobian has the output's axes, then the input's; zero where nothing depends", () => {
    const other = input("other", [2]);
    const [dx, none] = jacobian(x.mul(2).reshape([3, 1]), [x, other]);
    expect([dx!.shape, none!.shape]).toEqual([
      [3, 1, 3],
      [3, 1, 2],
    ]);
    expect([...runReference([dx!], feeds)[0]!]).toEqual([2, 0, 0, 0, 2, 0, 0, 0, 2]);
    expect([...runReference([none!], {})[0]!]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test("products with what the output does not depend on are zero", () => {
    const other = input("other", [2]);
    const vector = constant([1, 1], [2]);
    expect([...runReference(jvp([f], [other], [vector]), {})[0]!]).toEqual([0]);
    expect([...runReference(hvp(f, [other], [vector]), {})[0]!]).toEqual([0, 0]);
  });

  test("a third derivative", () => {
    const one = constant([1, 0, 0], [3]);
    const [second] = hvp(f, [x], [one]);
    expect([...runReference(jvp([second!], [x], [one]), feeds)[0]!]).toEqual([6, 0, 0]);
  });

  test("vectors of another shape, and Hessians of what is no scalar, are refused", () => {
    expect(() => jvp([f], [x], [constant([1], [1])])).toThrow(/jvp: expected a vector \[3\] .* got \[1\].*E_GRAD/);
    expect(() => hvp(x, [x], [x])).toThrow(/hvp: expected a scalar loss, got shape \[3\]/);
  });
});
