import { expect, test } from "vitest";
import { residualSuite } from "../../testing/index.ts";
import { trainDeepStack } from "./deep-stack.fixture.ts";
import { none } from "./none.ts";

residualSuite(none, { configs: [{}], naive: ({ y }) => y });

test("[residual-none] 24 layers stall where the same layers with residual sums train", async () => {
  expect(await trainDeepStack("none", 200)).toBeGreaterThan(0.75);
  expect(await trainDeepStack("add", 200)).toBeLessThan(0.2);
});
