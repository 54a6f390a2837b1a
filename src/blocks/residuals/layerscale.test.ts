import { expect, test } from "vitest";
import { plainIo, randomNormal, residualSuite, run, weightsFrom } from "../../testing/index.ts";
import { trainDeepStack } from "./deep-stack.fixture.ts";
import { layerscale } from "./layerscale.ts";

residualSuite(layerscale, {
  configs: [{}, { initial: 1e-5 }],
  naive: ({ x, y, p }) =>
    x.map((row, b) => row.map((token, t) => token.map((v, i) => v + (p.scale as number[])[i]! * y[b]![t]![i]!))),
});

test("[layerscale] λ = 0 is the identity, and 64 layers with undamped starts train that stall with λ = 1", async () => {
  const { x, z } = run({
    inputs: { x: randomNormal("x", [2, 3, 8]), y: randomNormal("y", [2, 3, 8]) },
    build: ({ x, y }) => {
      const p = weightsFrom({ scale: y!.at(0, 0).at(0, 0).mul(0) });
      const at = { c: layerscale.config.parse({}), d: { D: 8 }, p, b: {}, io: plainIo("train") };
      return { x: x!, z: layerscale.forward(x!, y!, at) };
    },
  });
  expect(z).toEqual(x);

  const share = (initial: number) => trainDeepStack("layerscale", 200, { start: initial, undamped: true, layers: 64 });
  expect(await share(1e-2)).toBeLessThan(0.2);
  expect(await share(1)).toBeGreaterThan(0.75);
});
