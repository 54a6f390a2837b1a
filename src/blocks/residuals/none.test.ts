import { expect, test } from "vitest";
import { residualSuite } from "../../testing/index.ts";
import { trainDeepStack } from "./deep-stack.fixture.ts";
import { none } from "./none.ts";

residualSuite(none, { configs: [{}], naive: ({ y }) => y });

test("[residual-none] 24 layers stall where the same layers with residual sums train", async () => {
  const [plain, summed] = [await trainDeepStack("none", 200), await trainDeepStack("add", 200)];
  expect(plain.last).toBeGreaterThan(0.8 * plain.first);
  expect(summed.last).toBeLessThan(0.2 * summed.first);
});
