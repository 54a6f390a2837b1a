import { describe, expect, test } from "vitest";
import { constant, type Tensor } from "../../tensor/index.ts";
import { mixerSuite, type NaiveMixerArguments, plainIo, randomNormal, run, weightsFrom } from "../../testing/index.ts";
import { naiveActivations } from "../channels/activations-naive.ts";
import { cab } from "./cab.ts";
import { convolveCells, type Kernel } from "./grid-naive.ts";
import { range, sum, times } from "./plain-loops.ts";
import { sigmoid } from "./rnn-naive.ts";

type C = ReturnType<typeof cab.config.parse>;
type At = NaiveMixerArguments<C, ReturnType<typeof cab.dims>>;
type Matrix = readonly (readonly number[])[];

/** Chen et al. 2023, section 3.2, cell by cell. */
function naive({ x, p, c, d }: At) {
  const map = (row: readonly number[], name: string) =>
    times(row, p[`squeeze.${name}`] as unknown as Matrix, p[`squeeze.${name}Bias`] as number[]);
  const y = x.map((tokens) => {
    const grid = { rows: Math.ceil(tokens.length / c.columns), columns: c.columns };
    const layer = (rows: readonly (readonly number[])[], which: 1 | 2) =>
      convolveCells(rows, p[`kernel${which}`] as unknown as Kernel, { ...grid, bias: p[`bias${which}`] as number[] });
    const first = layer(tokens, 1).slice(0, tokens.length);
    const z = layer(
      first.map((row) => row.map(naiveActivations.gelu)),
      2,
    ).slice(0, tokens.length);
    const mean = range(d.D).map((i) => sum(z.map((row) => row[i]!)) / tokens.length);
    const factors = map(
      map(mean, "up").map((value) => Math.max(0, value)),
      "down",
    ).map(sigmoid);
    return z.map((row) => row.map((value, i) => value * factors[i]!));
  });
  return { y };
}

mixerSuite(cab, {
  configs: [
    { columns: 3, squeeze: 2 },
    { columns: 2, kernel: 1, compress: 2, squeeze: 4 },
  ],
  width: 6,
  naive: naive as never,
});

const D = 4;

/** The block of drawn weights over a grid of `size` cells a side. */
function through(x: Tensor, size: number): Tensor {
  const c = cab.config.parse({ compress: 2, squeeze: 2 });
  const d = cab.dims(c, D);
  const drawn = Object.entries(cab.params(d, c)).map(([name, { shape }]) => {
    const { data } = randomNormal(name, shape, 0.5);
    return [name, constant(data, shape)];
  });
  const io = { ...plainIo("eval"), grid: [size, size] as const };
  return cab.forward(x, { c, d, p: weightsFrom(Object.fromEntries(drawn)) as never, s: {}, b: {}, io }).y;
}

describe("[cab]", () => {
  test("[cab] parameters are those of two convolutions and of the net of the factors", () => {
    for (const [width, options] of [
      [180, {}],
      [12, { compress: 3, squeeze: 4 }],
    ] as const) {
      const c = cab.config.parse(options);
      const declared = Object.values(cab.params(cab.dims(c, width), c));
      const count = sum(declared.map(({ shape }) => shape.reduce((product, size) => product * size, 1)));
      const [F, M] = [width / c.compress, width / c.squeeze];
      expect(count).toBe(9 * width * F + F + 9 * F * width + width + (width * M + M) + (M * width + width));
    }
  });

  test("[cab] what moves inside the borders moves what comes out, and nothing else", () => {
    const size = 12;
    const patch = randomNormal("patch", [3, 3, D]);
    const image = (top: number, left: number) => {
      const data = new Float64Array(size * size * D);
      for (const r of range(3))
        for (const s of range(3))
          data.set(patch.data.slice((3 * r + s) * D, (3 * r + s + 1) * D), ((top + r) * size + left + s) * D);
      return { shape: [1, size * size, D], data };
    };
    const { a, b } = run({
      inputs: { first: image(4, 3), second: image(5, 6) },
      build: ({ first, second }) => ({ a: through(first!, size), b: through(second!, size) }),
    });
    const cell = (y: Float64Array, r: number, s: number) => [...y.subarray((r * size + s) * D).slice(0, D)];
    const inside = range(7).flatMap((r) => range(7).map((s) => [2 + r, 1 + s] as const));
    for (const [r, s] of inside) {
      const [before, after] = [cell(a!.data as Float64Array, r, s), cell(b!.data as Float64Array, r + 1, s + 3)];
      before.forEach((value, i) => void expect(after[i]).toBeCloseTo(value, 12));
    }
    expect(new Set(inside.map(([r, s]) => cell(a!.data as Float64Array, r, s)[0]!.toFixed(9))).size).toBeGreaterThan(
      20,
    );
  });
});
