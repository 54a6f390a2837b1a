import { assertOrdered, assertSome } from "../classification/labelled.ts";

export interface Ranks {
  /** From 1; equal values have the mean of their ranks. In the order of the sample. */
  readonly ranks: readonly number[];
  /** How many values there are of each value, rising. */
  readonly ties: readonly number[];
}

/** Throws E_METRIC_INPUT for an empty sample or one with NaN. */
export function rank(sample: ArrayLike<number>): Ranks {
  assertSome("sample", sample.length);
  assertOrdered("sample", sample);
  const order = Array.from(sample, (_, i) => i).sort((a, b) => sample[a]! - sample[b]!);
  const ranks = Array<number>(sample.length);
  const ties: number[] = [];
  for (let start = 0; start < order.length; start += ties.at(-1)!) {
    let end = start + 1;
    while (end < order.length && sample[order[end]!] === sample[order[start]!]) end++;
    for (const i of order.slice(start, end)) ranks[i] = (start + 1 + end) / 2;
    ties.push(end - start);
  }
  return { ranks, ties };
}

/** Σ t³ − t over groups of ties: what variances of rank statistics lose by. */
export const tieSum = (ties: readonly number[]): number => ties.reduce((sum, t) => sum + (t ** 3 - t), 0);
