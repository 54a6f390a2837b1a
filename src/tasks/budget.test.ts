import { expect, test } from "vitest";
import { stepsReaching, stepsWithin } from "./budget.ts";

test("steps for a number of tokens, where steps hold 3, 1, 4, 1, 5 tokens and so on", () => {
  const sizes = [3, 1, 4, 1, 5];
  const before = (steps: number) => Array.from({ length: steps }, (_, i) => sizes[i % 5]!).reduce((a, b) => a + b, 0);
  for (let tokens = 1; tokens < 60; tokens++) {
    const [reaching, within] = [stepsReaching(tokens, before), stepsWithin(tokens, before)];
    expect(before(reaching)).toBeGreaterThanOrEqual(tokens);
    expect(before(reaching - 1)).toBeLessThan(tokens);
    expect(before(within + 1)).toBeGreaterThan(tokens);
    if (within > 1) expect(before(within)).toBeLessThanOrEqual(tokens);
  }
  expect(stepsWithin(2, before)).toBe(1);
});
