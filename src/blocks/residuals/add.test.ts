import { expect, test } from "vitest";
import { constant } from "../../tensor/index.ts";
import { plainIo, randomNormal, residualSuite, run, weightsFrom } from "../../testing/index.ts";
import { mlp } from "../channels/mlp.ts";
import { add } from "./add.ts";
import { trainDeepStack } from "./deep-stack.fixture.ts";

residualSuite(add, {
  configs: [{}],
  naive: ({ x, y }) => x.map((row, b) => row.map((token, t) => token.map((v, i) => v + y[b]![t]![i]!))),
});

test("[residual-add] a sublayer that starts at zero is the identity, and 24 layers train that stall without it", async () => {
  const [D, F] = [8, 16];
  const c = mlp.config.parse({ hidden: F, bias: false });
  const zero = constant(new Float64Array(F * D), [F, D]);
  const { x, y } = run({
    inputs: { x: randomNormal("x", [2, 3, D]), up: randomNormal("up", [D, F]) },
    build: (at) => {
      const common = { b: {}, io: plainIo("train") };
      const branch = mlp.forward(at.x!, { ...common, c, d: { D, F }, p: weightsFrom({ up: at.up!, down: zero }) }).y;
      return { x: at.x!, y: add.forward(at.x!, branch, { ...common, c: {}, d: { D }, p: {} }) };
    },
  });
  expect(y).toEqual(x);

  expect(await trainDeepStack("add", 200)).toBeLessThan(0.2);
  expect(await trainDeepStack("none", 200)).toBeGreaterThan(0.75);
});
