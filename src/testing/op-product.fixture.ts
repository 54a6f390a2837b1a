import fc from "fast-check";
import { apply1, conv, convSize, scan, type Tensor } from "../tensor/index.ts";
import { broadcasting, floats, of, size, smooth } from "./op-samples.fixture.ts";

const matmulSample = of(
  {
    m: size(),
    k: size(),
    n: size(),
    // Native products do not broadcast over an empty batch.
    batches: broadcasting(2, 1),
    transA: fc.boolean(),
    transB: fc.boolean(),
    alpha: fc.constantFrom(1, 0.5, -2),
  },
  ({ m, k, n, batches: [a, b], transA, transB, alpha, seed }) => ({
    operands: [
      floats([...a!.slice(-2), ...(transA ? [k, m] : [m, k])], seed),
      floats([...b!.slice(-2), ...(transB ? [n, k] : [k, n])], seed + 1),
    ],
    build: ([x, y]) => [x!.matmul(y!, { transA, transB, alpha })],
  }),
);

/** Convolutions over one or two axes: strides, dilations, groups and uneven padding. */
const convShapes = fc.record({
  batch: size(1),
  groups: fc.integer({ min: 1, max: 2 }),
  inner: fc.integer({ min: 1, max: 2 }),
  outer: fc.integer({ min: 1, max: 2 }),
  axes: fc.array(
    fc.record({
      extra: fc.integer({ min: 0, max: 4 }),
      kernel: fc.integer({ min: 1, max: 3 }),
      stride: fc.integer({ min: 1, max: 3 }),
      dilation: fc.integer({ min: 1, max: 2 }),
      before: fc.integer({ min: 0, max: 2 }),
      after: fc.integer({ min: 0, max: 2 }),
    }),
    { minLength: 1, maxLength: 2 },
  ),
});

const convSample = (transposed: boolean) =>
  of({ conv: convShapes }, ({ conv: { batch, groups, inner, outer, axes }, seed }) => {
    // As long as the kernel reaches, so that there is at least one position.
    const sizes = axes.map(({ extra, kernel, dilation }) => dilation * (kernel - 1) + 1 + extra);
    const attrs = {
      strides: axes.map(({ stride }) => stride),
      dilations: axes.map(({ dilation }) => dilation),
      pads: [axes.map(({ before }) => before), axes.map(({ after }) => after)] as [number[], number[]],
      groups,
    };
    const outputs = axes.map(({ kernel, stride, dilation, before, after }, i) =>
      convSize(sizes[i]!, kernel, stride, dilation, before + after),
    );
    const w = floats([groups * outer, inner, ...axes.map(({ kernel }) => kernel)], seed + 1);
    return transposed
      ? {
          operands: [floats([batch, groups * outer, ...outputs], seed), w],
          build: ([g, w]) => [apply1("convTranspose", [g!, w!], { ...attrs, output: sizes })],
        }
      : { operands: [floats([batch, groups * inner, ...sizes], seed), w], build: ([x, w]) => [conv(x!, w!, attrs)] };
  });

const scanSample = of(
  { steps: size(), width: size(), reverse: fc.boolean(), scanned: fc.boolean() },
  ({ steps, width, reverse, scanned, seed }) => ({
    operands: [floats([width], seed), floats([steps, width], seed + 1), floats([width, width], seed + 2, [-0.5, 0.5])],
    build: ([h, x, w]) => {
      const step = ([s]: readonly Tensor[], [row]: readonly Tensor[]) => {
        const mixed = s!.unsqueeze(0).matmul(w!).squeeze(0);
        const next = (row ? mixed.add(row) : mixed).tanh();
        return { states: [next], ys: [next.mul(s!)] };
      };
      const { states, ys } = scan({ init: [h!], xs: scanned ? [x!] : [], length: steps, reverse, step });
      return [...states, ...ys];
    },
  }),
);

/** Ops with products inside, and scans. */
export const productRows = {
  matmul: { samples: matmulSample, ...smooth },
  conv: { samples: convSample(false), ...smooth },
  convTranspose: { samples: convSample(true), ...smooth },
  scan: { samples: scanSample, ...smooth },
};
