import { describe, expect, test } from "vitest";
import { vjp } from "../../grad/index.ts";
import { convolveDeformed } from "../../ops/index.ts";
import { constant, type Tensor } from "../../tensor/index.ts";
import {
  gradCheck,
  mixerSuite,
  type NaiveMixerArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { conv2d } from "./conv2d.ts";
import { deformableConv2d } from "./deformable-conv2d.ts";
import { convolveCells, type Kernel } from "./grid-naive.ts";
import { range } from "./plain-loops.ts";
import { readBetween } from "./sampled-naive.ts";

type C = ReturnType<typeof deformableConv2d.config.parse>;
type At = NaiveMixerArguments<C, ReturnType<typeof deformableConv2d.dims>>;

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Dai et al. 2017, eq. 2; Zhu et al. 2019, eq. 1: tap by tap. */
function naive({ x, p, c, d }: At) {
  const k = d.k;
  const before = Math.ceil((k - 1) / 2);
  const y = x.map((tokens) => {
    const grid = { rows: Math.ceil(tokens.length / c.columns), columns: c.columns };
    const moves = convolveCells(tokens, p.move as unknown as Kernel, { ...grid, bias: p.moveBias as number[] });
    return tokens.map((_, t) => {
      const sums = [...((p.bias as number[] | undefined) ?? new Array<number>(d.O).fill(0))];
      for (const tap of range(k * k)) {
        const [i, j] = [Math.floor(tap / k), tap % k];
        const at = (axis: 0 | 1, cell: number) => cell - before + moves[t]![2 * tap + axis]!;
        const place = [at(0, Math.floor(t / c.columns) + i), at(1, (t % c.columns) + j)] as const;
        const factor = c.modulated ? sigmoid(moves[t]![2 * k * k + tap]!) : 1;
        const read = readBetween(tokens, place, grid);
        for (const o of range(d.O))
          for (const feature of range(d.I))
            sums[o]! += (p.kernel as unknown as Kernel)[o]![feature]![i]![j]! * read[feature]! * factor;
      }
      return sums;
    });
  });
  return { y };
}

mixerSuite(deformableConv2d, {
  configs: [{ columns: 3 }, { columns: 2, kernel: 2, modulated: true, bias: false }],
  width: 4,
  naive: naive as never,
});

/** A grid of 6 × 6 through a mixer with these weights. */
function through(mixer: typeof conv2d | typeof deformableConv2d, x: Tensor, weights: object): Tensor {
  const c = mixer.config.parse({ kernel: 2, stride: 2, widen: 2 }) as never;
  const io = { ...plainIo("eval"), grid: [6, 6] as const };
  const at = { c, d: mixer.dims(c, 2), p: weightsFrom(weights as never), s: {}, b: {}, io };
  return mixer.forward(x, at as never).y;
}

describe("[dtm]", () => {
  test("[dtm] without offsets it merges tokens as a convolution of 2 × 2 with stride 2 does", () => {
    const inputs = {
      x: randomNormal("x", [2, 36, 2]),
      kernel: randomNormal("kernel", [4, 2, 2, 2]),
      bias: randomNormal("bias", [4]),
    };
    const still = {
      move: constant(new Array(64).fill(0), [8, 2, 2, 2]),
      moveBias: constant(new Array(8).fill(0), [8]),
    };
    const { merged, plain } = run({
      inputs,
      build: ({ x, kernel, bias }) => ({
        merged: through(deformableConv2d, x!, { kernel, bias, ...still }),
        plain: through(conv2d, x!, { kernel, bias }),
      }),
    });
    expect(merged!.shape).toEqual([2, 9, 4]);
    expect(merged).toBeAllclose(plain!, { tolerance: 1e-13 });
  });

  test("[dtm] gradients by image, kernel, offsets and factors are the central differences", () => {
    const offsets = randomNormal("offsets", [1, 8, 2, 2], 0.7);
    gradCheck(
      ({ x, kernel, offsets, factors }) =>
        convolveDeformed(x!, kernel!, { offsets: offsets!, factors: factors!, stride: 2 }),
      {
        x: randomNormal("x", [1, 2, 4, 4]),
        kernel: randomNormal("kernel", [3, 2, 2, 2]),
        offsets,
        factors: randomNormal("factors", [1, 4, 2, 2]),
      },
    );
  });

  test("[dtm] taps that look for brightness move to a blob that lies between the cells", () => {
    const [size, centre] = [8, [3.4, 4.7] as const];
    const blob = Float64Array.from({ length: size * size }, (_, i) => {
      const [dy, dx] = [Math.floor(i / size) - centre[0], (i % size) - centre[1]];
      return Math.exp(-(dy * dy + dx * dx) / 4);
    });
    // The place (1, 2) of the merged grid: its taps lie at rows 2, 3 and columns 4, 5.
    const at = (tap: number, axis: 0 | 1) => (2 * tap + axis) * 16 + 1 * 4 + 2;
    const start = [2, 3].flatMap((row) => [4, 5].map((column) => [row, column] as const));
    const distances = (offsets: Float64Array) =>
      start.map(([r, s], tap) =>
        Math.hypot(r + offsets[at(tap, 0)]! - centre[0], s + offsets[at(tap, 1)]! - centre[1]),
      );
    let offsets: Float64Array = new Float64Array(8 * 16).fill(1e-3);
    const before = distances(offsets);
    for (let step = 0; step < 60; step++) {
      const { uphill } = run({
        inputs: { offsets: { shape: [1, 8, 4, 4], data: offsets } },
        build: ({ offsets }) => {
          const kernel = constant([1, 1, 1, 1], [1, 1, 2, 2]);
          const y = convolveDeformed(constant(blob, [1, 1, size, size]), kernel, { offsets: offsets!, stride: 2 });
          const seen = y.slice(2, 1, 2).slice(3, 2, 3);
          return { uphill: vjp([seen], [constant([1], [1, 1, 1, 1])], [offsets!])[0]! };
        },
      });
      offsets = offsets.map((offset, i) => offset + 0.2 * uphill!.data[i]!);
    }
    // What is read between cells is greatest on a cell, and the nearest one is half a cell away.
    expect(Math.max(...before)).toBeGreaterThan(1.5);
    for (const distance of distances(offsets)) expect(distance).toBeLessThan(0.6);
  });
});
