import { expect, test } from "vitest";
import { runReference } from "../engine/reference.ts";
import { input, rmsNorm, type Tensor, topological } from "../tensor/index.ts";
import { grad, lookUpLate } from "./index.ts";

const [table, w, b, gain] = [input("table", [3, 4]), input("w", [4, 6]), input("b", [6]), input("gain", [4])];
const ids = input("ids", [2, 5], "i32");
const leaves = [table, w, b, gain];
const feeds = {
  table: Array.from({ length: 12 }, (_, i) => Math.sin(i + 1)),
  w: Array.from({ length: 24 }, (_, i) => Math.cos(2 * i)),
  b: [1, -2, 3, -4, 5, -6],
  gain: [0.5, 1, 2, -1],
  ids: [0, 2, 1, 1, 0, 2, 2, 2, 0, 1],
};

/** Rows of the products in a graph. */
const productRows = (outputs: readonly Tensor[]) =>
  topological(outputs)
    .filter((node) => node.op === "matmul")
    .map((node) => node.outputs[0]!.size / node.outputs[0]!.dim(-1));

/** Both graphs and their gradients give the same numbers. */
function expectSame(before: Tensor, after: Tensor): void {
  const all = (y: Tensor) => [y, ...grad(y.square().sum(), leaves).map((g, i) => g ?? leaves[i]!.mul(0))];
  const [expected, actual] = [before, after].map((y) => runReference(all(y), feeds));
  actual!.forEach((values, i) => {
    values.forEach((value, j) => void expect(value).toBeCloseTo(expected![i]![j]!, 10));
  });
}

test("a projection of normed, reordered rows runs once a row of the table, and so does what is added and cut", () => {
  const rows = rmsNorm(table.gather(0, ids).mul(3), gain).swap(0, 1);
  const y = rows.matmul(w).add(b).slice(-1, 1, 4).tanh();
  const [late] = lookUpLate([y]);
  expect(late!.node.op).toBe("gather");
  expect([productRows([y]), productRows([late!])]).toEqual([[10], [3]]);
  expectSame(y, late!);
});

test("the products of one lookup meet on the table, sums with other values do not", () => {
  const x = table.gather(0, ids);
  const gated = x.matmul(w).mul(x.matmul(w).sigmoid());
  const [late] = lookUpLate([gated]);
  expect(late!.node.op).toBe("gather");
  expectSame(gated, late!);
  const mixed = x.add(input("noise", [2, 5, 4])).matmul(w);
  expect(productRows(lookUpLate([mixed]))).toEqual([10]);
});

test("nothing moves without a product, from a large table, or across rows", () => {
  const few = table.gather(0, input("two", [2], "i32")).matmul(w);
  const plain = table.gather(0, ids).tanh();
  const across = table
    .gather(0, ids)
    .swap(1, 2)
    .matmul(input("v", [5, 2]));
  for (const y of [few, plain, across]) expect(lookUpLate([y])).toEqual([y]);
});
