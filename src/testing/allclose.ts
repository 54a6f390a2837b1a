import { expect } from "vitest";
import { indexOf, type NdArray } from "./arrays.ts";

export interface Closeness {
  /** Largest difference allowed, relative to the largest magnitude expected. */
  tolerance?: number;
  /** Magnitude below which differences are not judged relatively: the scale is never smaller. */
  floor?: number;
}

interface Difference {
  element: number;
  error: number;
  scale: number;
}

/** The largest difference; an unequal NaN or infinity counts as infinite. */
function largestDifference(actual: Float64Array, expected: Float64Array, floor: number): Difference {
  let [element, error, magnitude] = [0, 0, 0];
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i]!, expected[i]!];
    if (Number.isFinite(b)) magnitude = Math.max(magnitude, Math.abs(b));
    const gap = Object.is(a, b) || a === b ? 0 : Math.abs(a - b);
    const judged = Number.isNaN(gap) ? Number.POSITIVE_INFINITY : gap;
    if (judged > error) [element, error] = [i, judged];
  }
  return { element, error, scale: Math.max(magnitude, floor) };
}

expect.extend({
  toBeAllclose(actual: NdArray, expected: NdArray, { tolerance = 1e-8, floor = 0 }: Closeness = {}) {
    if (actual.shape.join() !== expected.shape.join())
      return {
        pass: false,
        message: () => `expected shape [${expected.shape.join(", ")}], got [${actual.shape.join(", ")}]`,
      };
    const { element, error, scale } = largestDifference(actual.data, expected.data, floor);
    const at = `[${indexOf(expected.shape, element).join(", ")}]`;
    const message = () =>
      `expected ${expected.data[element]} at ${at}, got ${actual.data[element]}: differs by ${error}, ` +
      `allowed ${tolerance} of the largest magnitude ${scale}`;
    return { pass: error === 0 || error <= tolerance * scale, message };
  },
});

declare module "vitest" {
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> {
    /** Equal shapes, and every element within `tolerance` of the largest expected magnitude (`floor` at least). */
    toBeAllclose: (expected: T extends NdArray ? NdArray : never, closeness?: Closeness) => R;
  }
}
