import type { Pairs } from "./pairs.ts";

/** Pairs side by side for evaluation: W of them, padded to S source and T target tokens. */
export interface PairWindows {
  /** W */
  count: number;
  /** T */
  length: number;
  /** [W·T]: the start token and the target. */
  inputs: Int32Array;
  /** [W·T]: the target and the end token. */
  targets: Int32Array;
  /** [W·T]: 1 where a token of the target, or its end, is predicted. */
  mask: Uint8Array;
  source: { length: number; ids: Int32Array; mask: Uint8Array };
}

export interface PairWindowOptions {
  /** Ids in front of and behind every target. */
  start: number;
  end: number;
  /** Wholly padded windows make their number a multiple of it. Default 1. */
  multipleOf?: number;
}

/** All pairs, whatever their length. Windows beyond the last pair have one source token and predict nothing. */
export function pairWindows(pairs: Pairs, { start, end, multipleOf = 1 }: PairWindowOptions): PairWindows {
  const most = (lengthOf: (i: number) => number) =>
    Array.from({ length: pairs.count }, (_, i) => lengthOf(i)).reduce((a, b) => Math.max(a, b), 1);
  const [S, T] = [most((i) => pairs.source.length(i)), most((i) => pairs.target.length(i) + 1)];
  const W = Math.ceil(pairs.count / multipleOf) * multipleOf;
  const source = { length: S, ids: new Int32Array(W * S), mask: new Uint8Array(W * S) };
  const [inputs, targets, mask] = [new Int32Array(W * T), new Int32Array(W * T), new Uint8Array(W * T)];
  for (let w = pairs.count; w < W; w++) source.mask[w * S] = 1;
  for (let w = 0; w < pairs.count; w++)
    placePair(pairs, w, { source, inputs, targets, mask, row: w, length: T, start, end });
  return { count: W, length: T, inputs, targets, mask, source };
}

interface Place {
  source: { length: number; ids: Int32Array; mask: Uint8Array };
  inputs: Int32Array;
  targets: Int32Array;
  /** 1 where something is predicted: of any numeric kind. */
  mask: Uint8Array | Float32Array;
  row: number;
  /** T */
  length: number;
  start: number;
  end: number;
}

/** Writes pair i into a row of right-padded arrays. */
export function placePair(
  pairs: Pairs,
  i: number,
  { source, inputs, targets, mask, row, length, start, end }: Place,
): void {
  const [from, to] = [pairs.source.at(i), pairs.target.at(i)];
  const [s, t] = [row * source.length, row * length];
  source.ids.set(from, s);
  source.mask.fill(1, s, s + from.length);
  inputs[t] = start;
  inputs.set(to, t + 1);
  targets.set(to, t);
  targets[t + to.length] = end;
  mask.fill(1, t, t + to.length + 1);
}
