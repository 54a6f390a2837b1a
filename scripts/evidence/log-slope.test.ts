import { expect, test } from "vitest";
import { logSlope } from "./log-slope.ts";

test("finds the exponent of a power law exactly, and its error by the textbook formula", () => {
  const { slope, stdErr } = logSlope([1, 2, 4, 8].map((n) => ({ n, y: 3 * n ** 1.7 })));
  expect(slope).toBeCloseTo(1.7, 12);
  expect(stdErr).toBeLessThan(1e-7);
  // y = 0, 1, 1 at x = 0, 1, 2: slope 1/2, residuals −1/6, 1/3, −1/6.
  const noisy = logSlope([0, 1, 1].map((y, x) => ({ n: Math.exp(x), y: Math.exp(y) })));
  expect(noisy.slope).toBeCloseTo(0.5, 12);
  expect(noisy.stdErr).toBeCloseTo(Math.sqrt(1 / 6 / 2), 12);
});
