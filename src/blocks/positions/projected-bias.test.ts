import { expect, test } from "vitest";
import { iota } from "../../tensor/index.ts";
import { plainIo, positionSuite } from "../../testing/index.ts";
import { projectedBias } from "./projected-bias.ts";

const [D, H, T] = [6, 2, 7];
const c = projectedBias.config.parse({ basis: 3, maxDistance: 4 });
const d = { D, H, M: c.basis, N: c.maxDistance };

positionSuite(projectedBias, {
  configs: [
    { basis: 3, maxDistance: 4 },
    { basis: 1, maxDistance: 2 },
  ],
  width: D,
  attends: "input",
  // A query's own mix of curves at distances below the largest, and nothing beyond or ahead.
  bias: ({ x, queries, keys, heads, p: given, c: { basis, maxDistance } }) => {
    const p = given as unknown as { weights: number[][]; weightsBias: number[]; curves: number[][] };
    const mixOf = (row: readonly number[], m: number) =>
      row.reduce((sum, value, i) => sum + value * p.weights[i]![m]!, p.weightsBias[m]!);
    return x.map((rows, b) =>
      Array.from({ length: heads }, (_, h) =>
        rows.map((row, t) => {
          const mix = Array.from({ length: basis }, (_, m) => mixOf(row, h * basis + m));
          return keys[b]!.map((key) => {
            const distance = queries[b]![t]! - key;
            const inside = distance >= 0 && distance < maxDistance;
            return inside ? mix.reduce((sum, w, m) => sum + w * p.curves[m]![distance]!, 0) : 0;
          });
        }),
      ),
    );
  },
});

test("without the input at the queries it says what it needs", () => {
  const at = { c, d, p: {} as never, b: {}, io: plainIo("eval"), heads: H };
  expect(() => projectedBias.bias!({ ...at, queries_BT: iota(T), keys_BS: iota(T) })).toThrow(/E_POSITION/);
});
