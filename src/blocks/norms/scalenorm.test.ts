import { expect, test } from "vitest";
import { type NaiveTokensArguments, normSuite, plainIo, randomNormal, run } from "../../testing/index.ts";
import { scalenorm } from "./scalenorm.ts";

type Arguments = Pick<NaiveTokensArguments<{ epsilon: number }>, "x" | "c"> & { p: { gain?: number[] } };

normSuite(scalenorm, {
  configs: [{}, { gain: false, epsilon: 1e-3 }],
  naive: ({ x, p, c }: Arguments) => ({
    y: x.map((row) =>
      row.map((token) => {
        const length = Math.sqrt(token.reduce((sum, v) => sum + v * v, 0) + c.epsilon);
        return token.map((v) => ((p.gain?.[0] ?? 1) * v) / length);
      }),
    ),
  }),
});

test("without a gain every token has length 1, and its scale does not matter", () => {
  const c = scalenorm.config.parse({ gain: false, epsilon: 1e-20 });
  const x = randomNormal("scalenorm", [5, 8]);
  const { y, scaled, length } = run({
    inputs: { x },
    build: (at) => {
      const of = (t: typeof at.x) => scalenorm.forward(t!, { c, d: { D: 8 }, p: {}, b: {}, io: plainIo("eval") }).y;
      return { y: of(at.x), scaled: of(at.x!.mul(100)), length: of(at.x).square().sum(-1) };
    },
  });
  expect(scaled).toBeAllclose(y!);
  for (const square of length!.data) expect(square).toBeCloseTo(1, 12);
});
