import type { Loose } from "../../testing/index.ts";
import { positionSuite } from "../../testing/index.ts";
import { dynamicBias } from "./dynamic-bias.ts";

type P = Readonly<Record<string, Loose | undefined>>;
const product = (x: readonly number[], w: Loose, b: Loose) =>
  Array.from(b, (offset, j) => x.reduce((sum, value, i) => sum + value * w[i]![j]!, Number(offset)));

function centred(x: number[], gain: Loose, offset: Loose | undefined): number[] {
  const mean = x.reduce((a, b) => a + b, 0) / x.length;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
  return x.map((value, i) => ((value - mean) / Math.sqrt(variance + 1e-5)) * gain[i]! + (offset?.[i] ?? 0));
}

positionSuite(dynamicBias, {
  configs: [{ hidden: 4 }, { hidden: 4, depth: 3, log: true, norm: true }],
  bias: ({ p: given, c, queries, keys }) => {
    const p = given as unknown as P;
    const network = (distance: number) => {
      let x = [c.log ? Math.sign(distance) * Math.log1p(Math.abs(distance)) : distance];
      for (let i = 0; i < c.depth; i++) {
        const mapped = product(x, p[`map${i}`]!, p[`offset${i}`]!);
        const normed = c.norm ? centred(mapped, p[`gain${i}`]!, p[`normOffset${i}`]) : mapped;
        x = normed.map((value) => value / (1 + Math.exp(-value)));
      }
      return product(x, p.out!, p.outOffset!);
    };
    return queries.map((row, b) => {
      const all = row.map((i) => keys[b]!.map((j) => network(i - j)));
      // One head's numbers stand for all four.
      return [0, 1, 2, 3].map((h) => all.map((line) => line.map((values) => values[Math.min(h, values.length - 1)]!)));
    });
  },
});
