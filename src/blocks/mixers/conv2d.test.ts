import { describe, expect, test } from "vitest";
import { fold, unfold } from "../../ops/index.ts";
import { constant, conv, convTranspose, type Tensor } from "../../tensor/index.ts";
import { type Arrays, mixerSuite, type NdArray, plainIo, randomNormal, run, weightsFrom } from "../../testing/index.ts";
import { conv2d } from "./conv2d.ts";
import { convolveCells, type Kernel } from "./grid-naive.ts";

mixerSuite(conv2d, {
  configs: [
    { columns: 3 },
    { columns: 2, dilation: 2, groups: 2 },
    { columns: 3, kernel: 5, groups: "features", bias: false },
  ],
  width: 4,
  naive: ({ x, p, c, d }) => ({
    y: x.map((tokens) =>
      convolveCells(tokens, p.kernel as Kernel, {
        rows: Math.ceil(tokens.length / c.columns),
        columns: c.columns,
        dilation: c.dilation,
        groups: d.groups,
        bias: p.bias as number[] | undefined,
      }),
    ),
  }),
});

const nested = ({ shape: [B, T, D], data }: NdArray): number[][][] =>
  Array.from({ length: B! }, (_, b) =>
    Array.from({ length: T! }, (_, t) => [...data.subarray((b * T! + t) * D!, (b * T! + t + 1) * D!)]),
  );

/** Forward over a given grid. */
function convolved(inputs: Arrays, options: object, grid: readonly [number, number]) {
  const c = conv2d.config.parse(options);
  const D = inputs.x!.shape[2]!;
  return (at: Readonly<Record<string, Tensor>>) => {
    const p = weightsFrom({ kernel: at.kernel!, ...(at.bias && { bias: at.bias }) });
    return conv2d.forward(at.x!, { c, d: conv2d.dims(c, D), p, s: {}, b: {}, io: { ...plainIo("eval"), grid } });
  };
}

const kernelOf = ({ shape, data }: NdArray): Kernel => {
  const [O, I, k] = shape as [number, number, number];
  const at = (o: number, i: number, r: number, s: number) => data[((o * I + i) * k + r) * k + s]!;
  const each = <T>(length: number, f: (i: number) => T) => Array.from({ length }, (_, i) => f(i));
  return each(O, (o) => each(I, (i) => each(k, (r) => each(k, (s) => at(o, i, r, s)))));
};

describe("[cnn-basic]", () => {
  const cases = [
    { kernel: 3, stride: 1, dilation: 1, groups: 1, widen: 1.5 },
    { kernel: 3, stride: 2, dilation: 1, groups: 2, widen: 2 },
    { kernel: 2, stride: 2, dilation: 1, groups: 1, widen: 0.5 },
    { kernel: 3, stride: 2, dilation: 2, groups: 4, widen: 1 },
  ];
  test.each(cases)("[cnn-basic] it equals the direct sum: $kernel × $kernel, stride $stride", (options) => {
    const [rows, columns, D] = [5, 6, 4];
    const O = D * options.widen;
    const { kernel: k } = options;
    const inputs = {
      x: randomNormal("image", [2, rows * columns, D]),
      kernel: randomNormal("kernel", [O, D / options.groups, k, k]),
      bias: randomNormal("bias", [O]),
    };
    const { y } = run({ inputs, build: (at) => ({ y: convolved(inputs, options, [rows, columns])(at).y }) });
    const direct = nested(inputs.x).map((tokens) =>
      convolveCells(tokens, kernelOf(inputs.kernel), { rows, columns, ...options, bias: [...inputs.bias.data] }),
    );
    const tokens = Math.ceil(rows / options.stride) * Math.ceil(columns / options.stride);
    expect(y!.shape).toEqual([2, tokens, O]);
    direct.flat(2).forEach((value, i) => void expect(y!.data[i]).toBeCloseTo(value, 10));
  });

  const window = { kernel: [3, 2], strides: [2, 1], dilations: [1, 2], padding: [1, 2] };
  const options = { strides: window.strides, dilations: window.dilations };
  const pads: [number[], number[]] = [window.padding, window.padding];

  test("[cnn-basic] windows laid out as columns make it one product of matrices (im2col)", () => {
    const inputs = { x: randomNormal("x", [2, 3, 6, 5]), kernel: randomNormal("kernel", [4, 3, 3, 2]) };
    const { product, direct } = run({
      inputs,
      build: ({ x, kernel }) => {
        const direct = conv(x!, kernel!, { ...options, pads });
        const product = kernel!.reshape([4, 3 * 6]).matmul(unfold(x!, window));
        return { direct, product: product.reshape(direct.shape) };
      },
    });
    expect(product).toBeAllclose(direct!, { tolerance: 1e-13 });
  });

  test("[cnn-basic] the transposed convolution is its adjoint: ⟨W ∗ x, z⟩ = ⟨x, Wᵀ ∗ z⟩, and columns fold back likewise", () => {
    const inputs = { x: randomNormal("x", [2, 3, 6, 5]), kernel: randomNormal("kernel", [4, 3, 3, 2]) };
    const { forward, backward, columns, folded } = run({
      inputs: { ...inputs, z: randomNormal("z", [2, 4, 3, 7]), u: randomNormal("u", [2, 18, 21]) },
      build: ({ x, kernel, z, u }) => ({
        forward: conv(x!, kernel!, { ...options, pads })
          .mul(z!)
          .sum(),
        // 6 rows are one more than stride 2 needs for 3.
        backward: convTranspose(z!, kernel!, { ...options, pads, extra: [1, 0] })
          .mul(x!)
          .sum(),
        columns: unfold(x!, window).mul(u!).sum(),
        folded: fold(u!, [6, 5], window).mul(x!).sum(),
      }),
    });
    expect(forward!.data[0]).toBeCloseTo(backward!.data[0]!, 10);
    expect(columns!.data[0]).toBeCloseTo(folded!.data[0]!, 10);
    expect(Math.abs(forward!.data[0]!)).toBeGreaterThan(1e-3);
  });
});

test("a stride thins the grid and the mask with it; a grid of another size is refused", () => {
  const inputs = { x: randomNormal("x", [1, 20, 2]), kernel: randomNormal("kernel", [2, 2, 3, 3]) };
  const c = conv2d.config.parse({ stride: 2, bias: false });
  const forward = (grid: readonly [number, number]) => {
    const p = weightsFrom({ kernel: constant(inputs.kernel.data, inputs.kernel.shape) });
    const mask_BT = constant([...new Array<number>(8).fill(1), ...new Array<number>(12).fill(0)], [1, 20], "bool");
    const x = constant(inputs.x.data, inputs.x.shape);
    return conv2d.forward(x, { c, d: conv2d.dims(c, 2), p, s: {}, b: {}, io: { ...plainIo("eval"), grid, mask_BT } });
  };
  const { reshaped } = forward([4, 5]);
  expect(reshaped).toMatchObject({ from: [4, 5], grid: [2, 3], stride: 2 });
  const { mask } = run({ inputs: {}, build: () => ({ mask: reshaped!.mask_BT!.cast("f32") }) });
  expect([...mask!.data]).toEqual([1, 1, 1, 0, 0, 0]);
  expect(() => forward([4, 4])).toThrow("expected 4 × 4 = 16 of them, got 20");
});

test("[depthwise-conv-mixer] a group a feature is a convolution of each channel alone, with k² numbers a channel", () => {
  const [rows, columns, D] = [4, 5, 6];
  for (const kernel of [1, 3, 5]) {
    const options = { kernel, groups: "features", bias: false };
    const c = conv2d.config.parse(options);
    const { kernel: declared, ...others } = conv2d.params(conv2d.dims(c, D), c);
    expect(others).toEqual({});
    expect(declared.shape.reduce((a, b) => a * b, 1)).toBe(kernel ** 2 * D);
    const inputs = {
      x: randomNormal("image", [1, rows * columns, D]),
      kernel: randomNormal("kernel", [D, 1, kernel, kernel]),
    };
    const { y } = run({ inputs, build: (at) => ({ y: convolved(inputs, options, [rows, columns])(at).y }) });
    const [tokens, taps] = [nested(inputs.x)[0]!, kernelOf(inputs.kernel)];
    const side = (kernel - 1) / 2;
    tokens.forEach((token, t) => {
      token.forEach((_, i) => {
        let sum = 0;
        for (let r = 0; r < kernel; r++)
          for (let s = 0; s < kernel; s++) {
            const [row, column] = [Math.floor(t / columns) + r - side, (t % columns) + s - side];
            const inside = row >= 0 && row < rows && column >= 0 && column < columns;
            if (inside) sum += taps[i]![0]![r]![s]! * tokens[row * columns + column]![i]!;
          }
        expect(y!.data[t * D + i]).toBeCloseTo(sum, 10);
      });
    });
  }
});
