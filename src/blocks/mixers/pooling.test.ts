import { expect, test } from "vitest";
import { mixerSuite, plainIo, randomNormal, run } from "../../testing/index.ts";
import { pooling } from "./pooling.ts";

mixerSuite(pooling, {
  configs: [{}, { window: 5 }, { window: 1 }],
  width: 4,
  naive: ({ x, c }) => ({
    y: x.map((tokens) =>
      tokens.map((row, t) => {
        const side = (c.window - 1) / 2;
        const near = tokens.slice(Math.max(0, t - side), t + side + 1);
        return row.map((value, i) => near.reduce((sum, other) => sum + other[i]!, 0) / near.length - value);
      }),
    ),
  }),
});

const onGrid = (x: ReturnType<typeof randomNormal>, grid: readonly [number, number]) =>
  run({
    inputs: { x },
    build: (at) => {
      const c = pooling.config.parse({});
      const d = pooling.dims(c, x.shape[2]!);
      return { y: pooling.forward(at.x!, { c, d, p: {}, s: {}, b: {}, io: { ...plainIo("eval"), grid } }).y };
    },
  }).y!;

test("[poolformer] a constant image gives 0, and a grid is pooled over its 3×3 neighbourhoods", () => {
  const x = randomNormal("image", [1, 12, 2]);
  const constant = { ...x, data: x.data.map((_, i) => (i % 2 === 0 ? 3 : -1)) };
  for (const value of onGrid(constant, [3, 4]).data) expect(Math.abs(value)).toBeLessThan(1e-14);
  const y = onGrid(x, [3, 4]);
  for (let row = 0; row < 3; row++)
    for (let column = 0; column < 4; column++) {
      const near = [-1, 0, 1].flatMap((i) => [-1, 0, 1].map((j) => [row + i, column + j] as const));
      const inside = near.filter(([i, j]) => i >= 0 && i < 3 && j >= 0 && j < 4);
      const mean = inside.reduce((sum, [i, j]) => sum + x.data[(i * 4 + j) * 2]!, 0) / inside.length;
      const at = (row * 4 + column) * 2;
      expect(y.data[at]).toBeCloseTo(mean - x.data[at]!, 12);
    }
});
