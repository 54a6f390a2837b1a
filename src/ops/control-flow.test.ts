import { expect, test } from "vitest";
import { runReference } from "../engine/index.ts";
import { grad } from "../grad/index.ts";
import { customGradient, input, scalar } from "../tensor/index.ts";
import { straightThrough } from "./attention-weights.ts";
import { cond, whileLoop } from "./control-flow.ts";
import { randomStream } from "./random.ts";

const x = input("x", []);
const at = (value: number) => ({ x: [value] });

test("the branch not taken reaches neither value nor gradient, NaN though it is", () => {
  const y = cond(x.less(0), { operands: [x], whenTrue: ([t]) => t!.mul(3), whenFalse: ([t]) => t!.log() });
  const [slope] = grad(y, [x]);
  expect(runReference([y, slope!], at(-2)).flatMap((list) => [...list])).toEqual([-6, 3]);
  expect(runReference([y, slope!], at(4)).flatMap((list) => [...list])).toEqual([Math.log(4), 0.25]);
});

test("operands that depend on one another each get their own gradient", () => {
  const twice = x.mul(2);
  const y = cond(x.less(0), { operands: [x, twice], whenTrue: ([a]) => a!, whenFalse: ([a, b]) => a!.mul(b!) });
  expect(
    runReference(
      grad(y, [x]).map((t) => t!),
      at(3),
    )[0]![0],
  ).toBe(12);
});

test("a branch that reads more than its operands is refused", () => {
  const free = () => cond(x.less(0), { operands: [], whenTrue: () => x, whenFalse: () => scalar(1) });
  expect(free).toThrow(/E_CAPTURE/);
});

test("a loop ends where its condition fails, and its gradient is that of the steps taken", () => {
  const { states, steps } = whileLoop({
    init: [x],
    condition: ([s]) => s!.less(100),
    step: ([s]) => [s!.mul(2)],
    limit: 20,
  });
  const [slope] = grad(states[0]!, [x]);
  expect(runReference([states[0]!, steps, slope!], at(3)).map((list) => list[0])).toEqual([192, 6, 64]);
  expect(runReference([states[0]!, steps, slope!], at(500)).map((list) => list[0])).toEqual([500, 0, 1]);
});

test("a custom gradient stands in place of that of the ops", () => {
  const y = customGradient([x], { forward: ([t]) => t!.sign(), backward: ({ g }) => [g.mul(7)] });
  expect(runReference([y, grad(y, [x])[0]!], at(-2)).map((list) => list[0])).toEqual([-1, 7]);
});

test("straight-through has the value of one graph and the gradient of another", () => {
  const y = straightThrough(x.mul(5).sign(), x.tanh());
  const [value, slope] = runReference([y, grad(y, [x])[0]!], at(-2)).map((list) => list[0]!);
  expect(value).toBe(-1);
  expect(slope).toBeCloseTo(1 - Math.tanh(-2) ** 2, 12);
});

test.each([
  {
    kind: "normal",
    below: [
      [-1, 0.158655],
      [0, 0.5],
      [1, 0.841345],
    ],
  },
  { kind: "gumbel", below: [-1, 0, 1, 2].map((t) => [t, Math.exp(-Math.exp(-t))] as const) },
] as const)("$kind draws have the distribution of that name, and every element one of its own", ({ kind, below }) => {
  const [count, key] = [20_000, { seed: scalar(7, "u32"), step: scalar(2, "u32"), path: "draws" }];
  const draws = runReference([randomStream(key)[kind]([count])], {})[0]!;
  expect(new Set(draws).size).toBeGreaterThan(0.99 * count);
  // Four standard errors of a share.
  for (const [t, share] of below)
    expect(Math.abs(draws.filter((value) => value < t).length / count - share)).toBeLessThan(0.0142);
});

test("permutations hold every number once, in an order that only seed, step and path decide", () => {
  const draw = (seed: number, path: string) => {
    const key = { seed: scalar(seed, "u32"), step: scalar(3, "u32"), path };
    return [...runReference([randomStream(key).permutation(50)], {})[0]!];
  };
  const first = draw(1, "a");
  expect(first.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  expect(draw(1, "a")).toEqual(first);
  expect(draw(2, "a")).not.toEqual(first);
  expect(draw(1, "b")).not.toEqual(first);
});

test("every place of a permutation takes every number about equally often", () => {
  const counts = new Map<number, number>();
  for (let seed = 0; seed < 600; seed++) {
    const key = { seed: scalar(seed, "u32"), step: scalar(0, "u32"), path: "p" };
    const first = runReference([randomStream(key).permutation(6)], {})[0]![0]!;
    counts.set(first, (counts.get(first) ?? 0) + 1);
  }
  for (let n = 0; n < 6; n++) expect(Math.abs(counts.get(n)! - 100)).toBeLessThan(40);
});
