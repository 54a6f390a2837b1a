import { describe, expect, test } from "vitest";
import { pixelUnshuffle, pixelShuffle as shuffle } from "../../ops/index.ts";
import { constant } from "../../tensor/index.ts";
import { mixerSuite, plainIo, randomNormal, run, weightsFrom } from "../../testing/index.ts";
import { pixelShuffle } from "./pixel-shuffle.ts";
import { range, times } from "./plain-loops.ts";

type Matrix = readonly (readonly number[])[];

mixerSuite(pixelShuffle, {
  configs: [
    { columns: 2, factor: 2 },
    { columns: 1, factor: 3, widen: 0.5, bias: false },
    { columns: 3, factor: 2, direction: "down", widen: 2 },
    { columns: 2 },
  ],
  width: 4,
  naive: ({ x, p, c, d }) => ({
    y: x.map((tokens) => {
      const [rows, columns, r] = [Math.ceil(tokens.length / c.columns), c.columns, c.factor];
      const map = (row: readonly number[]) => times(row, p.map as unknown as Matrix, p.bias as number[] | undefined);
      if (r === 1) return tokens.map(map);
      const nothing = new Array<number>(d.I).fill(0);
      if (c.direction === "up") {
        // The map comes first: cells without a token stay empty.
        const mapped = tokens.map(map);
        return range(rows * columns * r * r).map((t) => {
          const [i, j] = [Math.floor(t / (columns * r)), t % (columns * r)];
          const cell = mapped[Math.floor(i / r) * columns + Math.floor(j / r)];
          return range(d.O).map((o) => cell?.[o * r * r + (i % r) * r + (j % r)] ?? 0);
        });
      }
      const [down, along] = [Math.ceil(rows / r), Math.ceil(columns / r)];
      return range(down * along).map((t) => {
        const [i, j] = [Math.floor(t / along), t % along];
        const at = (a: number, b: number) =>
          i * r + a < rows && j * r + b < columns ? (tokens[(i * r + a) * columns + j * r + b] ?? nothing) : nothing;
        return map(range(d.I).flatMap((o) => range(r * r).map((n) => at(Math.floor(n / r), n % r)[o]!)));
      });
    }),
  }),
});

describe("[pixel-shuffle]", () => {
  test("[pixel-shuffle] it is the inverse of the unshuffle, both ways", () => {
    const inputs = { fine: randomNormal("fine", [2, 3, 6, 9]), deep: randomNormal("deep", [2, 18, 2, 3]) };
    const { fine, deep, middle } = run({
      inputs,
      build: ({ fine, deep }) => ({
        fine: shuffle(pixelUnshuffle(fine!, 3), 3),
        deep: pixelUnshuffle(shuffle(deep!, 3), 3),
        middle: pixelUnshuffle(fine!, 3),
      }),
    });
    expect([...fine!.data]).toEqual([...inputs.fine.data]);
    expect([...deep!.data]).toEqual([...inputs.deep.data]);
    expect(middle!.shape).toEqual([2, 27, 2, 3]);
  });

  test("[pixel-shuffle] the mixer up behind the mixer down gives a grid back that its factor divides", () => {
    const [I, r, grid] = [2, 2, [4, 6] as const];
    const one = (size: number) =>
      constant(
        range(size * size).map((n) => (n % (size + 1) === 0 ? 1 : 0)),
        [size, size],
      );
    const x = randomNormal("x", [2, 24, I]);
    const through = (direction: "up" | "down", width: number, widen: number, at: readonly [number, number]) => {
      const c = pixelShuffle.config.parse({ direction, factor: r, widen, bias: false });
      const d = pixelShuffle.dims(c, width);
      const p = weightsFrom({ map: one(I * r * r) });
      return { c, d, p, s: {}, b: {}, io: { ...plainIo("eval"), grid: at } };
    };
    const { back, coarse } = run({
      inputs: { x },
      build: ({ x }) => {
        const coarse = pixelShuffle.forward(x!, through("down", I, r * r, grid)).y;
        return { coarse, back: pixelShuffle.forward(coarse, through("up", I * r * r, 1 / (r * r), [2, 3])).y };
      },
    });
    expect(coarse!.shape).toEqual([2, 6, I * r * r]);
    expect([...back!.data]).toEqual([...x.data]);
  });
});
