import { expect, test } from "vitest";
import { constant, input } from "../../tensor/index.ts";
import { positionSuite, randomNormal, run } from "../../testing/index.ts";
import { plainIo } from "../../testing/part.ts";
import { bucketOf, t5Bias } from "./t5-bias.ts";

const c = t5Bias.config.parse({ buckets: 8, maxDistance: 16, sides: "both" });
const table = randomNormal("table", [8, 3]);

/** Bias [3, queries, keys] of tokens at positions start, start + 1, … */
function biasAt(start: number, tokens: number): Float64Array {
  const positions = constant(
    Array.from({ length: tokens }, (_, i) => start + i),
    [1, tokens],
    "i32",
  );
  const weight = {
    path: "table",
    declaration: t5Bias.params(t5Bias.dims(c, 8), c).table,
    tensor: input("table", [8, 3]),
  };
  const at = { c, d: { buckets: 8, H: 3 }, p: { table: weight }, b: {}, io: plainIo("eval"), heads: 3 };
  const { bias } = run({
    inputs: { table },
    build: () => ({ bias: t5Bias.bias!({ ...at, queries_BT: positions, keys_BS: positions }) }),
  });
  expect(bias!.shape).toEqual([1, 3, tokens, tokens]);
  return bias!.data;
}

test("near distances have a bucket each, far ones share them, and beyond the last none is new", () => {
  const past = { buckets: 32, maxDistance: 128, sides: "past" } as const;
  expect([0, 1, 15, 16, 17, 19, 127, 128, 9999].map((n) => bucketOf(-n, past))).toEqual([
    0, 1, 15, 16, 16, 17, 31, 31, 31,
  ]);
  expect([1, 5, 100].map((n) => bucketOf(n, past))).toEqual([0, 0, 0]);
  expect([-16, -4, -2, -1, 0, 1, 2, 4, 16].map((n) => bucketOf(n, c))).toEqual([3, 2, 2, 1, 0, 5, 6, 6, 7]);
});

test("[rpe-bias-t5] the bias is constant on diagonals, and does not change when all positions move", () => {
  const tokens = 40;
  const bias = biasAt(0, tokens);
  for (let h = 0; h < 3; h++)
    for (let i = 0; i < tokens; i++)
      for (let j = 0; j < tokens; j++) {
        const value = bias[(h * tokens + i) * tokens + j]!;
        expect(value).toBe(table.data[bucketOf(j - i, c) * 3 + h]!);
        if (i > 0 && j > 0) expect(value).toBe(bias[(h * tokens + i - 1) * tokens + j - 1]!);
      }
  expect(biasAt(1000, tokens)).toEqual(bias);
});

positionSuite(t5Bias, {
  configs: [
    { buckets: 6, maxDistance: 4 },
    { buckets: 8, maxDistance: 3, sides: "both" },
  ],
  bias: ({ p, c: options, heads, queries, keys }) =>
    queries.map((row, b) =>
      Array.from({ length: heads }, () =>
        row.map((i) => keys[b]!.map((j) => Number(p.table[bucketOf(j - i, options)]![0]!))),
      ),
    ),
});
