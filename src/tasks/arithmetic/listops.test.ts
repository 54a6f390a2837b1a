import { describe, expect, test } from "vitest";
import { createRng } from "../../ops/index.ts";
import { taskSuite } from "../../testing/task-suite.ts";
import { evaluate, listops, listopsSymbols } from "./listops.ts";

type Tree = number | { operator: string; values: Tree[] };

/** By recursive descent: the expression as a tree. */
function parse(symbols: readonly string[]): Tree {
  let at = 0;
  const next = (): Tree => {
    const symbol = symbols[at++]!;
    if (!symbol.startsWith("[")) return Number(symbol);
    const values: Tree[] = [];
    while (symbols[at] !== "]") values.push(next());
    at++;
    return { operator: symbol, values };
  };
  return next();
}

const print = (tree: Tree): string[] =>
  typeof tree === "number" ? [String(tree)] : [tree.operator, ...tree.values.flatMap(print), "]"];

function value(tree: Tree): number {
  if (typeof tree === "number") return tree;
  const values = tree.values.map(value).sort((a, b) => a - b);
  const n = values.length;
  if (tree.operator === "[MIN") return values[0]!;
  if (tree.operator === "[MAX") return values[n - 1]!;
  if (tree.operator === "[SM") return values.reduce((a, b) => a + b) % 10;
  return n % 2 === 1 ? values[(n - 1) / 2]! : Math.trunc((values[n / 2 - 1]! + values[n / 2]!) / 2);
}

const textOf = (ids: readonly number[]) => ids.map((id) => listopsSymbols[id]!);

taskSuite(listops, {
  configs: [
    { c: {}, lengths: [12, 40] },
    { c: { depth: 10, values: 10 }, lengths: [100] },
  ],
  solve: (read) => value(parse(textOf(read.slice(0, -1)))),
});

describe("listops", () => {
  test("[listops] an expression is parsed, printed and evaluated alike", () => {
    const rng = createRng(5);
    for (let i = 0; i < 100; i++) {
      const expression = listops.question(rng.fork(i), { length: 60, c: { depth: 6, values: 5 } });
      const tree = parse(textOf(expression));
      expect(print(tree)).toEqual(textOf(expression));
      expect(evaluate(expression)).toBe(value(tree));
    }
  });

  test("says so where no expression is that long", () => {
    expect(() => listops.sample(createRng(0), { length: 200, c: { depth: 2, values: 3 } })).toThrow(/E_TASK_LENGTH/);
  });
});
