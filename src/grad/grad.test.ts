import { afterAll, describe, expect, test } from "vitest";
import { createNodeEngine } from "../engine/index.ts";
import { runReference } from "../engine/reference.ts";
import { createRng } from "../ops/index.ts";
import { constant, input, type Op, sizeOf, type Tensor, topological } from "../tensor/index.ts";
import type { GradCase } from "../testing/grad-case.ts";
import { gradCases, opsWithoutGradient } from "../testing/grad-cases.ts";
import { gradRules, vjp } from "./index.ts";

const engine = createNodeEngine({ threads: 1 });
afterAll(() => engine.close());

/** The case's graph, Σ cotangent·output with a drawn cotangent, its gradients, and drawn inputs. */
function prepare({ name, inputs, range: [low, high] = [-2, 2], build }: GradCase) {
  const rng = createRng(7).fork(name);
  const draw = (size: number, from: number, to: number) =>
    Float64Array.from({ length: size }, () => from + (to - from) * rng.uniform());
  const leaves = inputs.map((shape, i) => input(`x${i}`, shape));
  const output = build(leaves);
  const cotangent = constant(draw(output.size, -1, 1), output.shape);
  const gradients = vjp([output], [cotangent], leaves).map((g, i) => g ?? leaves[i]!.mul(0));
  const feeds = Object.fromEntries(inputs.map((shape, i) => [`x${i}`, draw(sizeOf(shape), low, high)]));
  return { output, loss: output.mul(cotangent).sum(), gradients, feeds, rng };
}

const step = 1e-6;

/** (f(x + hδ) − f(x − hδ)) / 2h. */
function centralDifference(
  loss: Tensor,
  feeds: Record<string, Float64Array>,
  name: string,
  delta: Float64Array,
): number {
  const at = (sign: number) =>
    runReference([loss], { ...feeds, [name]: feeds[name]!.map((value, i) => value + sign * step * delta[i]!) })[0]![0]!;
  return (at(1) - at(-1)) / (2 * step);
}

describe("[backprop-engine] every op's gradient", () => {
  test.each(gradCases.map((gradCase) => [gradCase.name, gradCase] as const))(
    "%s: central differences in f64",
    (_, gradCase) => {
      const { loss, gradients, feeds, rng } = prepare(gradCase);
      const values = runReference(gradients, feeds);
      values.forEach((gradient, i) => {
        for (let direction = 0; direction < 3; direction++) {
          const delta = gradient.map(() => 2 * rng.uniform() - 1);
          const expected = centralDifference(loss, feeds, `x${i}`, delta);
          const actual = gradient.reduce((sum, value, j) => sum + value * delta[j]!, 0);
          const scale = Math.max(1e-3, Math.abs(expected), ...gradient.map(Math.abs));
          expect(Math.abs(actual - expected) / scale).toBeLessThan(1e-5);
        }
      });
    },
  );

  test.each(gradCases.map((gradCase) => [gradCase.name, gradCase] as const))(
    "%s: native engine = reference",
    async (_, gradCase) => {
      const { output, gradients, feeds } = prepare(gradCase);
      const outputs = [output, ...gradients];
      const executable = await engine.compile({ outputs: Object.fromEntries(outputs.map((t, i) => [`y${i}`, t])) });
      const actual = await executable.run(
        Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, Float32Array.from(value)])),
      );
      await executable.dispose();
      runReference(
        outputs,
        Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, Float32Array.from(value)])),
      ).forEach((expected, i) => {
        const scale = Math.max(1e-3, ...expected.map(Math.abs));
        const found = actual[`y${i}`]!;
        expect(found.length).toBe(expected.length);
        expected.forEach((value, j) => void expect(Math.abs(found[j]! - value) / scale).toBeLessThan(2e-4));
      });
    },
  );

  test("the cases cover every op that has a gradient", () => {
    const covered = new Set<Op>(opsWithoutGradient);
    for (const { inputs, build } of gradCases)
      for (const node of topological([build(inputs.map((shape, i) => input(`x${i}`, shape)))])) covered.add(node.op);
    expect(Object.keys(gradRules).filter((op) => !covered.has(op as Op))).toEqual([]);
  });

  test("a gradient can be differentiated again", () => {
    const x = input("x", [3]);
    const [first] = vjp([x.pow(4)], [constant([1, 1, 1], [3])], [x]);
    const [second] = vjp([first!], [constant([1, 1, 1], [3])], [x]);
    expect([...runReference([second!], { x: [1, 2, -3] })[0]!]).toEqual([12, 48, 108]);
  });
});
