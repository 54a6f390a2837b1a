import { expect, test } from "vitest";
import { constant, zeros } from "../../tensor/index.ts";
import { positionSuite, run } from "../../testing/index.ts";
import { plainIo } from "../../testing/part.ts";
import { sinusoidal } from "./sinusoidal.ts";

const width = 12;

/** Rows of the table, added to zeros. */
function tableAt(
  positions: readonly number[],
  options: Parameters<typeof sinusoidal.config.parse>[0] = {},
): number[][] {
  const c = sinusoidal.config.parse(options);
  const at = { c, d: sinusoidal.dims(c, width), p: {}, b: {}, io: plainIo("eval") };
  const x = zeros([1, positions.length, width]);
  const { y } = run({
    inputs: {},
    build: () => ({ y: sinusoidal.embed!(x, constant(positions, [1, positions.length], "i32"), at) }),
  });
  return positions.map((_, t) => [...y!.data.subarray(t * width, (t + 1) * width)]);
}

const frequency = (pair: number) => 10_000 ** (-(2 * pair) / width);
const positions = [0, 1, 2, 31, 512, 5000, 65_536];

test("[pe-sinusoidal] the table is the formula at any position, with squared norm D/2", () => {
  for (const [row, t] of tableAt(positions).map((row, i) => [row, positions[i]!] as const)) {
    row.forEach((value, feature) => {
      const angle = t * frequency(feature >> 1);
      expect(value).toBeCloseTo(feature % 2 === 0 ? Math.sin(angle) : Math.cos(angle), 8);
    });
    expect(row.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(width / 2, 8);
  }
});

test("[pe-relative-linear] PE(t + k) is PE(t) with each pair rotated by k·ω", () => {
  for (const k of [1, 7, 100]) {
    const [here, there] = [tableAt(positions), tableAt(positions.map((t) => t + k))];
    here.forEach((row, t) => {
      for (let pair = 0; pair < width / 2; pair++) {
        const [sin, cos] = [row[2 * pair]!, row[2 * pair + 1]!];
        const [s, c] = [Math.sin(k * frequency(pair)), Math.cos(k * frequency(pair))];
        expect(Math.abs(there[t]![2 * pair]! - (sin * c + cos * s))).toBeLessThan(1e-6);
        expect(Math.abs(there[t]![2 * pair + 1]! - (cos * c - sin * s))).toBeLessThan(1e-6);
      }
    });
  }
});

test("in halves, all sines stand before all cosines", () => {
  const [interleaved, halves] = [tableAt([9])[0]!, tableAt([9], { layout: "halves" })[0]!];
  expect(halves).toEqual([0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11].map((feature) => interleaved[feature]));
});

positionSuite(sinusoidal, {
  configs: [{}, { base: 50 }],
  embed: ({ x, positions, c, d }) =>
    x.map((row, b) =>
      row.map((token, t) =>
        token.map((value, i) => {
          const angle = positions[b]![t]! * c.base ** (-(i - (i % 2)) / d.D);
          return value + (i % 2 === 0 ? Math.sin(angle) : Math.cos(angle));
        }),
      ),
    ),
});
