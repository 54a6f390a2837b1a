import { expect, test } from "vitest";
import { iota } from "../../tensor/index.ts";
import { plainIo, randomNormal, run, weightsFrom } from "../../testing/index.ts";
import { projectedBias } from "./projected-bias.ts";

const [D, H, T] = [6, 2, 7];
const c = projectedBias.config.parse({ basis: 3, maxDistance: 4 });
const d = { D, H, M: c.basis, N: c.maxDistance };

test("a query's own mix of curves is added at distances below the largest, and nothing beyond or ahead", () => {
  const shapes = Object.entries(projectedBias.params(d, c)).map(([name, { shape }]) => [
    name,
    randomNormal(name, shape),
  ]);
  const inputs = { x: randomNormal("x", [1, T, D]), ...Object.fromEntries(shapes) };
  const { bias } = run({
    inputs,
    build: ({ x, ...weights }) => {
      const positions = iota(T).add(3).unsqueeze(0);
      const at = { c, d, p: weightsFrom(weights) as never, b: {}, io: plainIo("eval"), heads: H };
      const block = { ...at, queries_BT: positions, keys_BS: positions, x_BTD: x! };
      return { bias: projectedBias.bias!(block) };
    },
  });
  const at = (name: string, ...index: number[]) => {
    const { shape, data } = inputs[name as "x"]!;
    return data[index.reduce((flat, i, axis) => flat * shape[axis]! + i, 0)]!;
  };
  for (let h = 0; h < H; h++)
    for (let i = 0; i < T; i++)
      for (let j = 0; j < T; j++) {
        const mix = [0, 1, 2].map((m) =>
          Array.from({ length: D }, (_, n) => n).reduce(
            (sum, n) => sum + at("x", 0, i, n) * at("weights", n, h * 3 + m),
            at("weightsBias", h * 3 + m),
          ),
        );
        const inside = i >= j && i - j < 4;
        const expected = inside ? mix.reduce((sum, w, m) => sum + w * at("curves", m, i - j), 0) : 0;
        expect(bias!.data[(h * T + i) * T + j]).toBeCloseTo(expected, 10);
      }
});

test("without the input at the queries it says what it needs", () => {
  const at = { c, d, p: {} as never, b: {}, io: plainIo("eval"), heads: H };
  expect(() => projectedBias.bias!({ ...at, queries_BT: iota(T), keys_BS: iota(T) })).toThrow(/E_POSITION/);
});
