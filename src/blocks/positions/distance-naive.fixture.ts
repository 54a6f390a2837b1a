/** Sums over plain arrays for the naive forms of schemes that read queries and keys. */
export const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

export const clip = (n: number, farthest: number): number => Math.max(-farthest, Math.min(farthest, n));

/** The part of head h of x·W (+ b), W [inputs][heads · size]. */
export function mapped(
  x: readonly number[],
  { weight, offset }: { weight: number[][]; offset?: number[] | undefined },
  { h, size }: { h: number; size: number },
): number[] {
  return Array.from({ length: size }, (_, k) =>
    x.reduce((sum, value, i) => sum + value * weight[i]![h * size + k]!, offset?.[h * size + k] ?? 0),
  );
}
