import { expect, test } from "vitest";
import { positionSuite } from "../../testing/index.ts";
import { disentangled, rowOf } from "./disentangled.ts";
import { dot, mapped } from "./distance-naive.fixture.ts";

positionSuite(disentangled, {
  configs: [{ maxDistance: 4 }, { maxDistance: 6, buckets: 4, bias: true }],
  attends: true,
  bias: ({ c, d, p, queries, keys, q, k, scale }) =>
    q.map((heads, b) =>
      heads.map((rows, h) =>
        rows.map((row, t) =>
          keys[b]!.map((key, s) => {
            const r = p.table[rowOf(queries[b]![t]! - key, c)] as number[];
            const at = (name: "keys" | "queries") =>
              mapped(
                r,
                { weight: p[name] as number[][], offset: p[`${name}Bias`] as unknown as number[] | undefined },
                { h, size: d.K },
              );
            return scale * (dot(row, at("keys")) + dot(k[b]![h]![s]!, at("queries")));
          }),
        ),
      ),
    ),
});

test("near distances have a row each, far ones share rows by logarithm, and beyond the last none is new", () => {
  const plain = { maxDistance: 3 };
  expect([-9, -3, -1, 0, 2, 3].map((n) => rowOf(n, plain))).toEqual([0, 0, 2, 3, 5, 5]);
  const shared = { maxDistance: 8, buckets: 4 };
  expect([0, 1, 2, 3, 7, 8, 99].map((n) => rowOf(n, shared))).toEqual([4, 5, 6, 7, 7, 7, 7]);
  expect([-1, -2, -3, -7, -8, -99].map((n) => rowOf(n, shared))).toEqual([3, 2, 1, 1, 0, 0]);
});
