import type { Computed, GoldenCase } from "./golden-case.ts";

/** Largest error allowed, relative to the largest magnitude of the stored tensor. */
export const tolerances: Readonly<Record<Computed, number>> = { float64: 1e-5, float32: 1e-4, bfloat16: 1e-2 };

/** Share of a case's largest result below which a whole tensor is the rounding of zeros (a gradient that cancels). */
const roundingShare: Readonly<Record<Computed, number>> = { float64: 1e-7, float32: 1e-3, bfloat16: 1e-1 };

/** The least magnitude that errors of this case are taken relative to: see {@link roundingShare}. */
export function smallestScale(c: GoldenCase): number {
  const results = [...c.names("out."), ...c.names("cot."), ...c.names("grad.")];
  return roundingShare[c.computed] * Math.max(0, ...results.map((name) => largest(c.values(name))));
}

/** Largest finite magnitude. */
export function largest(values: ArrayLike<number>): number {
  let scale = 0;
  for (let i = 0; i < values.length; i++) if (Number.isFinite(values[i])) scale = Math.max(scale, Math.abs(values[i]!));
  return scale;
}

/**
 * Largest difference over the largest finite magnitude of `expected`, or over `least` where that is greater.
 * Infinite where lengths differ, or a NaN or an infinity stands on one side only.
 */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>, least = 0): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i]!, expected[i]!];
    if (!Object.is(a, b) && a !== b)
      worst = Math.max(worst, Number.isFinite(a) && Number.isFinite(b) ? Math.abs(a - b) : Number.POSITIVE_INFINITY);
  }
  return worst === 0 ? 0 : worst / (Math.max(least, largest(expected)) || 1);
}

/** Integers agree exactly or not at all. */
export function integerError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  const same = actual.length === expected.length && Array.from(expected).every((value, i) => value === actual[i]);
  return same ? 0 : Number.POSITIVE_INFINITY;
}
