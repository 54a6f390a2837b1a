/** What the naive forms of recurrent mixers share: plain loops over nested arrays. */
import type { Loose, NaiveMixerResult } from "../../testing/index.ts";

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Σ_i x_i W[i][j] + b[j]. */
export function affine(x: readonly number[], W: readonly (readonly number[])[], b?: readonly number[]): number[] {
  return W[0]!.map((_, j) => x.reduce((sum, xi, i) => sum + xi * W[i]![j]!, b?.[j] ?? 0));
}

export const add = (a: readonly number[], b: readonly number[]): number[] => a.map((value, i) => value + b[i]!);

/** Consecutive parts of equal length. */
export function parts(x: readonly number[], count: number): number[][] {
  const size = x.length / count;
  return Array.from({ length: count }, (_, i) => x.slice(i * size, (i + 1) * size));
}

/** Runs a step over every sequence; states start at `start`, or as given. */
export function overTime<S extends Record<string, unknown>>(
  x: readonly number[][][],
  {
    given,
    start,
    step,
  }: {
    given: Readonly<Record<string, Loose>> | undefined;
    start: S;
    step: (x: number[], s: S, at: { b: number; t: number }) => { y: number[]; s: S };
  },
): NaiveMixerResult {
  const fields = Object.keys(start);
  const last: S[] = [];
  const y = x.map((sequence, b) => {
    let s = given ? (Object.fromEntries(fields.map((name) => [name, given[name]![b]])) as unknown as S) : start;
    const rows = sequence.map((token, t) => {
      const next = step(token, s, { b, t });
      s = next.s;
      return next.y;
    });
    last.push(s);
    return rows;
  });
  return { y, s: Object.fromEntries(fields.map((name) => [name, last.map((s) => s[name]) as never])) };
}

export const zerosOf = (size: number): number[] => new Array<number>(size).fill(0);

/** Mean 0 and variance 1. */
export function normalised(x: readonly number[], epsilon: number): number[] {
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
  return x.map((value) => (value - mean) / Math.sqrt(variance + epsilon));
}

/** Gates in the order i, f, o, g. */
export function naiveLstmCell(gates: readonly number[], c: readonly number[]): { h: number[]; c: number[] } {
  const [i, f, o, g] = parts(gates, 4);
  const cell = c.map((value, j) => sigmoid(f![j]!) * value + sigmoid(i![j]!) * Math.tanh(g![j]!));
  return { h: cell.map((value, j) => sigmoid(o![j]!) * Math.tanh(value)), c: cell };
}
