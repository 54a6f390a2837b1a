import { expect, test } from "vitest";
import { averagePool, maxPool } from "../../ops/index.ts";
import { mixerSuite, plainIo, randomNormal, run } from "../../testing/index.ts";
import { windowsOf } from "./grid-naive.ts";
import { pool2d } from "./pool2d.ts";

mixerSuite(pool2d, {
  configs: [{ columns: 3 }, { columns: 2, pool: "mean" }, { columns: 1, pool: "mean", window: 2, stride: 2 }],
  width: 4,
  naive: ({ x, c }) => ({
    y: x.map((tokens) => {
      const grid = { rows: Math.ceil(tokens.length / c.columns), columns: c.columns, stride: c.stride };
      const pooled = windowsOf(tokens, { ...grid, kernel: c.window }).map((window) => {
        const near = window.flat().filter((token) => token !== undefined);
        return tokens[0]!.map((_, i) =>
          c.pool === "max"
            ? Math.max(...near.map((token) => token[i]!))
            : near.reduce((sum, token) => sum + token[i]!, 0) / Math.max(1, near.length),
        );
      });
      return c.stride === 1 ? pooled.slice(0, tokens.length) : pooled;
    }),
  }),
});

test("[cnn-basic] it pools as windows without padding do, and around every cell at stride 1", () => {
  const [h, w, D] = [4, 6, 3];
  const window = { size: 2, stride: 2 };
  const { max, mean, maxDirect, meanDirect } = run({
    inputs: { x: randomNormal("x", [2, h * w, D]) },
    build: ({ x }) => {
      const pooled = (pool: "max" | "mean") => {
        const c = pool2d.config.parse({ pool, window: 2, stride: 2 });
        const at = { c, d: { D }, p: {}, s: {}, b: {}, io: { ...plainIo("eval"), grid: [h, w] as const } };
        return pool2d.forward(x!, at).y.swap(1, 2);
      };
      const image = x!.swap(1, 2).reshape([2, D, h, w]);
      const flat = [2, D, (h * w) / 4];
      return {
        max: pooled("max"),
        mean: pooled("mean"),
        maxDirect: maxPool(image, [window, window]).values.reshape(flat),
        meanDirect: averagePool(image, [window, window]).reshape(flat),
      };
    },
  });
  expect(max).toEqual(maxDirect);
  expect(mean).toBeAllclose(meanDirect!, { tolerance: 1e-14 });
});
