import { expect, test } from "vitest";
import { convolveImage } from "../../ops/index.ts";
import { mixerSuite, plainIo, randomNormal, run, weightsFrom } from "../../testing/index.ts";
import type { Kernel } from "./grid-naive.ts";
import { transposedConv2d } from "./transposed-conv2d.ts";

mixerSuite(transposedConv2d, {
  configs: [{ columns: 1, stride: 2 }, { columns: 3, stride: 3, widen: 0.5, bias: false }, { columns: 2 }],
  width: 4,
  naive: ({ x, p, c, d }) => ({
    y: x.map((tokens) => {
      const [rows, columns] = [Math.ceil(tokens.length / c.columns), c.columns];
      const kernel = p.kernel as Kernel;
      const cells = Array.from({ length: rows * columns * d.m ** 2 }, (_, t) => {
        const [r, s] = [Math.floor(t / (columns * d.m)), t % (columns * d.m)];
        const token = tokens[Math.floor(r / d.m) * columns + Math.floor(s / d.m)];
        return Array.from({ length: d.O }, (_, o) =>
          (token ?? []).reduce(
            (sum, v, i) => sum + v * kernel[i]![o]![r % d.m]![s % d.m]!,
            (p.bias as number[])?.[o] ?? 0,
          ),
        );
      });
      return c.stride === 1 ? cells.slice(0, tokens.length) : cells;
    }),
  }),
});

test("[cnn-basic] it is the adjoint of the convolution with the same kernel and stride", () => {
  const [rows, columns, I, O] = [3, 2, 4, 6];
  const inputs = {
    x: randomNormal("x", [2, rows * columns, I]),
    z: randomNormal("z", [2, O, 2 * rows, 2 * columns]),
    kernel: randomNormal("kernel", [I, O, 2, 2]),
  };
  const { up, down } = run({
    inputs,
    build: ({ x, z, kernel }) => {
      const c = transposedConv2d.config.parse({ stride: 2, widen: O / I, bias: false });
      const at = { c, d: { I, O, m: 2 }, p: weightsFrom({ kernel: kernel! }), s: {}, b: {} };
      const { y } = transposedConv2d.forward(x!, { ...at, io: { ...plainIo("eval"), grid: [rows, columns] } });
      const image = x!.reshape([2, rows, columns, I]).transpose([0, 3, 1, 2]);
      return {
        up: y.mul(z!.transpose([0, 2, 3, 1]).reshape(y.shape)).sum(),
        down: convolveImage(z!, kernel!, { stride: 2 }).mul(image).sum(),
      };
    },
  });
  expect(up!.data[0]).toBeCloseTo(down!.data[0]!, 10);
});
