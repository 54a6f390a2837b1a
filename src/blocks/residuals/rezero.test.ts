import { expect, test } from "vitest";
import { residualSuite } from "../../testing/index.ts";
import { trainDeepStack } from "./deep-stack.fixture.ts";
import { rezero } from "./rezero.ts";

residualSuite(rezero, {
  configs: [{}, { initial: 0.5 }],
  naive: ({ x, y, p }) =>
    x.map((row, b) => row.map((token, t) => token.map((v, i) => v + (p.gate as number[])[0]! * y[b]![t]![i]!))),
});

test("gates that start at 0 open: 64 layers with undamped starts train that stall with open gates", async () => {
  const share = (initial: number) => trainDeepStack("rezero", 200, { start: initial, undamped: true, layers: 64 });
  expect(await share(0)).toBeLessThan(0.2);
  expect(await share(1)).toBeGreaterThan(0.75);
});
