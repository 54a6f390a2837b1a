import { expect, test } from "vitest";
import { mixerSuite, plainIo, randomNormal, run, weightsFrom } from "../../testing/index.ts";
import { activations } from "../channels/activation.ts";
import { naiveActivations } from "../channels/activations-naive.ts";
import { convolveCells, type Kernel } from "./grid-naive.ts";
import { seriesActivation } from "./series-activation.ts";

mixerSuite(seriesActivation, {
  configs: [{ columns: 3, reach: 1 }, { columns: 2, reach: 2, activation: "gelu" }, { reach: 0 }],
  width: 4,
  naive: ({ x, p, c, d }) => ({
    y: x.map((tokens) => {
      const grid = { rows: Math.ceil(tokens.length / c.columns), columns: c.columns, groups: d.D };
      const active = tokens.map((token) => token.map(naiveActivations[c.activation]!));
      return convolveCells(active, p.shares as unknown as Kernel, grid).slice(0, tokens.length);
    }),
  }),
});

test("[series-activation] without neighbours it is the activation itself, at its start also with them", () => {
  const [T, D] = [6, 4];
  for (const reach of [0, 1, 2]) {
    const c = seriesActivation.config.parse({ reach, columns: 3, activation: "silu" });
    const d = seriesActivation.dims(c, D);
    const { shares } = seriesActivation.params(d, c);
    const init = shares.init as { kind: string; fill: () => number[] };
    const { y, plain } = run({
      inputs: {
        x: randomNormal("x", [2, T, D]),
        shares: { shape: [...shares.shape], data: Float64Array.from(init.fill()) },
      },
      build: ({ x, ...at }) => ({
        y: seriesActivation.forward(x!, { c, d, p: weightsFrom(at) as never, s: {}, b: {}, io: plainIo("eval") }).y,
        plain: activations.silu(x!),
      }),
    });
    expect(y).toEqual(plain);
  }
});
