import { describe, expect, test } from "vitest";
import { unfold } from "../../ops/index.ts";
import { constant, type Tensor } from "../../tensor/index.ts";
import {
  type Loose,
  mixerSuite,
  type NaiveMixerArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { cut, dot, range, sum, times } from "./plain-loops.ts";
import { windowAttention } from "./window-attention.ts";
import { keyTokens } from "./window-places.ts";

type C = ReturnType<typeof windowAttention.config.parse>;
type At = NaiveMixerArguments<C, ReturnType<typeof windowAttention.dims>>;
type Matrix = readonly (readonly number[])[];

type Given = Readonly<Record<string, Loose>>;
type Offset = readonly [down: number, along: number];

/** The row of a pair of places, query minus key. */
const tabled = ([dy, dx]: Offset, { w, side, p }: { w: number; side: number; p: Given }) =>
  (p.table as Matrix)[(dy + side - 1) * (w + side - 1) + dx + side - 1]!;

/** A small network of the distance in cells (Swin v2), for a window of keys that begins `before` cells before. */
function computed([dy, dx]: Offset, { w, before, p }: { w: number; before: number; p: Given }): number[] {
  const near = (n: number) => (Math.sign(n) * Math.log2(1 + (8 * Math.abs(n)) / (w - 1))) / 3;
  const hidden = times([near(dy + before), near(dx + before)], p.up as Matrix, p.upBias as number[]);
  return times(
    hidden.map((value) => Math.max(0, value)),
    p.down as Matrix,
  ).map((value) => 16 / (1 + Math.exp(-value)));
}

/** HAT's overlapping cross-attention as loops: keys are the cells of a larger window around the query's, zeros outside. */
function naive({ x, p: given, c, d }: At) {
  const p = given as Given;
  const w = c.window;
  const side = Math.floor((1 + c.overlap!) * w);
  const before = Math.floor((side - w) / 2);
  const y = x.map((tokens) => {
    const rows = Math.ceil(tokens.length / c.columns);
    const heads = tokens.map((token) => cut(times(token, p.qkv as Matrix, p.qkvBias as number[]), 3 * d.H));
    const nothing = range(3 * d.H).map(() => new Array<number>(d.K).fill(0));
    const at = (r: number, s: number) => {
      const outside = r < 0 || r >= rows || s < 0 || s >= c.columns;
      return outside ? nothing : (heads[r * c.columns + s] ?? nothing);
    };
    return tokens.map((_, t) => {
      const [r, s] = [Math.floor(t / c.columns), t % c.columns];
      const corner = [r - (r % w) - before, s - (s % w) - before] as const;
      const places = range(side).flatMap((i) => range(side).map((j) => [i, j] as const));
      const joined = range(d.H).flatMap((h) => {
        const others = places.map(([i, j]) => at(corner[0] + i, corner[1] + j));
        const scores = places.map(([i, j], n) => {
          const offset = [(r % w) - i, (s % w) - j] as const;
          const bias = c.relative === "table" ? tabled(offset, { w, side, p }) : computed(offset, { w, before, p });
          return dot(heads[t]![h]!, others[n]![d.H + h]!) / Math.sqrt(d.K) + bias[h]!;
        });
        const weights = scores.map((score) => Math.exp(score - Math.max(...scores)));
        return range(d.K).map((k) => sum(others.map((o, n) => weights[n]! * o[2 * d.H + h]![k]!)) / sum(weights));
      });
      return times(joined, p.out as Matrix, p.outBias as number[]);
    });
  });
  return { y };
}

mixerSuite(windowAttention, {
  configs: [
    { heads: 2, columns: 4, window: 2, overlap: 1 },
    { heads: 2, columns: 3, window: 2, overlap: 0.5 },
    { heads: 2, columns: 4, window: 2, overlap: 1, relative: "network", hidden: 3 },
  ],
  width: 8,
  naive: naive as never,
});

const [D, heads] = [8, 2];

/** The output over a grid of `size` cells a side, of drawn weights. */
function attended(x: Tensor, options: object, size: number): Tensor {
  const c = windowAttention.config.parse({ heads, relative: "none", ...options });
  const d = windowAttention.dims(c, D);
  const drawn = Object.entries(windowAttention.params(d, c)).map(([name, { shape }]) => {
    const { data } = randomNormal(name, shape);
    return [name, constant(data, shape)];
  });
  const io = { ...plainIo("eval"), grid: [size, size] as const };
  return windowAttention.forward(x, { c, d, p: weightsFrom(Object.fromEntries(drawn)) as never, s: {}, b: {}, io }).y;
}

describe("windows of keys around windows of queries", () => {
  test("[ocab] they are the source's unfolded windows: kernel M + γM, stride M, zeros around", () => {
    const [window, keys, grid] = [2, 4, [4, 6] as const];
    const x = randomNormal("x", [1, 3, ...grid]);
    const tokens = keyTokens(grid, { window, keys });
    expect(tokens.length).toBe(2 * 3 * keys ** 2);
    const { ours, unfolded } = run({
      inputs: { x },
      build: ({ x }) => ({
        // [1, F, W, S]: windows, then their places.
        ours: x!
          .reshape([1, 3, 24])
          .pad(2, 0, 1)
          .gather(2, constant(tokens, [tokens.length], "i32"))
          .reshape([1, 3, 6, keys ** 2]),
        unfolded: unfold(x!, { kernel: [keys, keys], strides: [2, 2], dilations: [1, 1], padding: [1, 1] })
          .reshape([1, 3, keys ** 2, 6])
          .swap(2, 3),
      }),
    });
    expect([...ours!.data]).toEqual([...unfolded!.data]);
  });

  test("[ocab] γ = 0, and a γ too small for a cell, is window attention; a larger one is not", () => {
    const { none, small, large } = run({
      inputs: { x: randomNormal("x", [1, 16, D]) },
      build: ({ x }) => ({
        none: attended(x!, { window: 2 }, 4),
        small: attended(x!, { window: 2, overlap: 0.4 }, 4),
        large: attended(x!, { window: 2, overlap: 0.5 }, 4),
      }),
    });
    expect([...small!.data]).toEqual([...none!.data]);
    expect(large!.data.some((value, i) => Math.abs(value - none!.data[i]!) > 1e-3)).toBe(true);
  });

  test("[ocab] a token sees the cells around its window, and no farther", () => {
    const seen = (from: number): number[] => {
      const inputs = { x: randomNormal("x", [1, 36, D]) };
      const moved = inputs.x.data.map((value: number, i: number) => (Math.floor(i / D) === from ? value + 1 : value));
      const [a, b] = [inputs.x, { ...inputs.x, data: moved }].map(
        (x) => run({ inputs: { x }, build: ({ x }) => ({ y: attended(x!, { window: 2, overlap: 1 }, 6) }) }).y!,
      );
      return range(36).filter((t) => range(D).some((i) => a!.data[t * D + i] !== b!.data[t * D + i]));
    };
    // Cell (1, 1) lies in its own window and at the rim of the three windows beside it.
    expect(seen(7)).toEqual([0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15, 18, 19, 20, 21]);
    // Cell (0, 0) is at the rim of no other window.
    expect(seen(0)).toEqual([0, 1, 6, 7]);
  });

  test("moved windows and those over the whole grid have nothing around them", () => {
    const sizes = (options: object) => () =>
      windowAttention.dims(windowAttention.config.parse({ heads, window: 2, overlap: 0.5, ...options }), D);
    expect(sizes({ shift: 1 })).toThrow("E_WINDOW");
    expect(sizes({ partition: "grid" })).toThrow("E_WINDOW");
  });
});
