import { expect, test } from "vitest";
import { constant } from "../../tensor/index.ts";
import { positionSuite, run } from "../../testing/index.ts";
import { plainIo } from "../../testing/part.ts";
import { alibi, slopesOf } from "./alibi.ts";

test("[alibi] slopes are 2^(−h) for 8 heads, and those of the next powers of two for 6", () => {
  expect(slopesOf(8)).toEqual([1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256]);
  expect(slopesOf(6)).toEqual([2 ** -2, 2 ** -4, 2 ** -6, 2 ** -8, 2 ** -1, 2 ** -3]);
  expect(slopesOf(1)).toEqual([2 ** -8]);
});

test("[alibi] the bias is −slope·distance, and none at heads beyond those chosen", () => {
  const at = { c: { heads: 2 }, d: {}, p: {}, b: {}, io: plainIo("eval"), heads: 3 };
  const [queries_BT, keys_BS] = [constant([4, 7], [1, 2], "i32"), constant([0, 4, 9], [1, 3], "i32")];
  const { bias } = run({ inputs: {}, build: () => ({ bias: alibi.bias!({ ...at, queries_BT, keys_BS }) }) });
  expect(bias!.shape).toEqual([1, 3, 2, 3]);
  const distances = [4, 0, 5, 7, 3, 2];
  expect([...bias!.data].map((value) => value + 0)).toEqual(
    [2 ** -4, 2 ** -8, 0].flatMap((slope) => distances.map((n) => 0 - slope * n)),
  );
});

positionSuite(alibi, {
  configs: [{}, { heads: 3 }],
  bias: ({ c, heads, queries, keys }) =>
    queries.map((row, b) =>
      Array.from({ length: heads }, (_, h) => {
        const slope = c.heads === undefined ? 4 ** -(h + 1) : ([2 ** -4, 2 ** -8, 2 ** -2][h] ?? 0);
        return row.map((i) => keys[b]!.map((j) => -slope * Math.abs(i - j)));
      }),
    ),
});
