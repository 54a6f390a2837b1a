import type { Computed } from "./golden-case.ts";

/** Largest error allowed, relative to the largest magnitude of the stored tensor. */
export const tolerances: Readonly<Record<Computed, number>> = { float64: 1e-5, float32: 1e-4, bfloat16: 1e-2 };

/**
 * Largest difference over the largest finite magnitude of `expected` (over 1 where that is 0).
 * Infinite where lengths differ, or a NaN or an infinity stands on one side only.
 */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let scale = 0;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i]!, expected[i]!];
    if (Number.isFinite(b)) scale = Math.max(scale, Math.abs(b));
    if (!Object.is(a, b) && a !== b) worst = Math.max(worst, Number.isFinite(a) && Number.isFinite(b) ? Math.abs(a - b) : Number.POSITIVE_INFINITY);
  }
  return worst === 0 ? 0 : worst / (scale === 0 ? 1 : scale);
}

/** Integers agree exactly or not at all. */
export function integerError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  const same = actual.length === expected.length && Array.from(expected).every((value, i) => value === actual[i]);
  return same ? 0 : Number.POSITIVE_INFINITY;
}
