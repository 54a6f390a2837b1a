import { expect, test } from "vitest";
import { createRng } from "../../ops/index.ts";
import { taskSuite } from "../../testing/task-suite.ts";
import { modularDag, readDag } from "./modular-dag.ts";

type Config = ReturnType<typeof modularDag.config.parse>;

/** The value of the variable that was just named: its equation looked up from the right, its operands likewise. */
function namedValue(read: readonly number[], variable: number, { modulus: m }: Config): number {
  const at = read.findIndex((id, i) => id === variable && read[i - 1] === m + 3);
  const start = read.slice(0, at).lastIndexOf(m + 4) + 1;
  const equation = read.slice(start, at - 1);
  if (equation.length === 1) return equation[0]!;
  const values = equation.filter((_, i) => i % 2 === 0).map((one) => namedValue(read, one, { modulus: m } as Config));
  return equation
    .filter((_, i) => i % 2 === 1)
    .reduce((value, operator, i) => {
      const next = values[i + 1]!;
      const result = operator === m ? value + next : operator === m + 1 ? value - next + m : value * next;
      return result % m;
    }, values[0]!);
}

taskSuite(modularDag, {
  configs: [
    { c: {}, lengths: [5, 12] },
    { c: { modulus: 5, leaves: 2, operands: 3, variables: 8 }, lengths: [3, 8] },
  ],
  solve: (read, c) => (read.at(-2) === c.modulus + 3 ? namedValue(read, read.at(-1)!, c) : undefined),
});

const draw = (c: Partial<Config>, length: number, seed: number) => {
  const config = modularDag.config.parse(c);
  const { inputs, targets, mask } = modularDag.sample(createRng(seed), { length, c: config });
  return { nodes: readDag([...inputs], config), targets, mask };
};

test("[modular-dag-task] every node but the leaves is asked where it is named, for its value", () => {
  const { nodes, targets, mask } = draw({}, 12, 1);
  expect(nodes).toHaveLength(12);
  const asked = nodes.filter(({ depth }) => depth > 0);
  expect(asked).toHaveLength(8);
  expect([...mask].reduce((sum, bit) => sum + bit, 0)).toBe(8);
  for (const { place, value } of asked) expect([mask[place], targets[place]]).toEqual([1, value]);
});

test("[modular-dag-task] depths are those of operands drawn uniformly of all nodes before", () => {
  const count = 4000;
  const depths = Array.from({ length: count }, (_, seed) =>
    draw({ leaves: 2, variables: 6 }, 5, seed).nodes.map(({ depth }) => depth),
  );
  const share = (node: number, depth: number) => depths.filter((one) => one[node] === depth).length / count;
  expect(depths.every(([a, b, first]) => a === 0 && b === 0 && first === 1)).toBe(true);
  // The fourth node is at depth 2 unless both operands are leaves: 1 − (2/3)².
  const second = 5 / 9;
  // The fifth: 3 with an operand at depth 2, else 2 with one at depth 1.
  const third = second * (1 - (3 / 4) ** 2);
  const flat = second * (2 / 4) ** 2 + (1 - second) * (2 / 4) ** 2;
  for (const [found, expected] of [
    [share(3, 2), second],
    [share(4, 3), third],
    [share(4, 1), flat],
    [share(4, 2), 1 - third - flat],
  ] as const)
    expect(Math.abs(found - expected)).toBeLessThan(4 * Math.sqrt((expected * (1 - expected)) / count));
});

test("more nodes than names are refused", () => {
  expect(() => draw({ variables: 6 }, 7, 1)).toThrow(/at most 6 nodes, .* got 7\..*E_TASK_LENGTH/);
});
