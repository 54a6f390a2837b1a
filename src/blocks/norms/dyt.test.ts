import { expect, test } from "vitest";
import { type NaiveTokensArguments, normSuite, plainIo, randomNormal, run, weightsFrom } from "../../testing/index.ts";
import { dyt } from "./dyt.ts";

type Arguments = Pick<NaiveTokensArguments<{ function: "tanh" | "erf" }>, "x" | "c"> & {
  p: Record<"alpha" | "gain" | "bias", number[]> & { shift?: number[] };
};

/** Its Maclaurin series; arguments here are small. */
function erf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 60; n++) {
    term *= -(x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

normSuite(dyt, {
  configs: [{}, { alpha: 1.5 }, { function: "erf" }],
  naive: ({ x, p, c }: Arguments) => ({
    y: x.map((row) =>
      row.map((token) =>
        token.map((v, i) => {
          const scaled = v * p.alpha[0]!;
          const squashed = c.function === "tanh" ? Math.tanh(scaled) : erf(scaled + p.shift![0]!);
          return squashed * p.gain[i]! + p.bias[i]!;
        }),
      ),
    ),
  }),
});

test("it bounds what a stream may grow to, and is linear near 0", () => {
  const c = dyt.config.parse({});
  const D = 8;
  const { huge, tiny } = run({
    inputs: { x: randomNormal("dyt", [5, D]) },
    build: ({ x }) => {
      const one = x!.slice(0, 0, 1).mul(0).add(1);
      const p = weightsFrom({
        alpha: one
          .sum()
          .reshape([1])
          .div(2 * D),
        gain: one.reshape([D]),
        bias: one.reshape([D]).mul(0),
      });
      const of = (t: typeof one) => dyt.forward(t, { c, d: { D }, p: p as never, b: {}, io: plainIo("eval") }).y;
      return { huge: of(x!.mul(1e4)).abs().max(), tiny: of(x!.mul(1e-6)).sub(x!.mul(0.5e-6)).abs().max() };
    },
  });
  expect(huge!.data[0]).toBeCloseTo(1, 12);
  expect(tiny!.data[0]).toBeLessThan(1e-15);
});
