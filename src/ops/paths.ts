/**
 * Continuous paths through observations, as in neural controlled differential equations (Kidger et al. 2020): a path and its
 * derivative at a time are sums of the observations with weights that follow from the times alone.
 */

/** hermite: cubic pieces with the slope of the linear piece before at their left and their own at their right end. */
export const pathKinds = ["linear", "hermite", "cubic"] as const;
export type PathKind = (typeof pathKinds)[number];

/** Weights of every observation in the path's value and derivative at one time. */
export interface PathWeights {
  value: number[];
  derivative: number[];
}

interface Path {
  kind: PathKind;
  /** Times of the observations, rising. */
  times: readonly number[];
  /** Which observations there are (default: all): the others have weight 0. */
  observed?: readonly boolean[];
}

/** For each query a weight per observation. At a knot the derivative is that of the piece to its left. */
export function pathWeights({ kind, times, observed }: Path, queries: readonly number[]): PathWeights[] {
  const known = times.flatMap((_, i) => (observed === undefined || observed[i] ? [i] : []));
  // Before the first observation a path holds it, and after the last that one (as does the cubic's end where it is missing).
  const filled = fillEnds(times, known);
  return kind === "cubic" ? cubicWeights(filled, queries) : pieceWeights(kind, knotsOf(filled, times), queries);
}

type Row = readonly number[];

/** Points of a path: times, and each value as weights of the observations. */
interface Points {
  times: readonly number[];
  values: readonly Row[];
}

function unitRow(size: number, index: number): number[] {
  const row = new Array<number>(size).fill(0);
  row[index] = 1;
  return row;
}

function fillEnds(times: readonly number[], known: readonly number[]): Points {
  const row = (i: number) => unitRow(times.length, i);
  const inner = known.map((i) => ({ time: times[i]!, value: row(i) }));
  const [first, last] = [known[0]!, known[known.length - 1]!];
  const before = first > 0 ? [{ time: times[0]!, value: row(first) }] : [];
  const after = last < times.length - 1 ? [{ time: times[times.length - 1]!, value: row(last) }] : [];
  const all = [...before, ...inner, ...after];
  return { times: all.map(({ time }) => time), values: all.map(({ value }) => value) };
}

const plus = (a: Row, b: Row, factor = 1): number[] => a.map((value, i) => value + factor * b[i]!);
const times = (a: Row, factor: number): number[] => a.map((value) => value * factor);

/** The piece of a time: the one to its left where it is a knot. */
function pieceOf(knots: readonly number[], t: number): number {
  let j = 0;
  while (j < knots.length - 2 && t > knots[j + 1]!) j++;
  return j;
}

/** Missing observations by linear interpolation. */
function knotsOf(points: Points, at: readonly number[]): Points {
  const values = at.map((t) => {
    const j = pieceOf(points.times, t);
    const [left, right] = [points.times[j]!, points.times[j + 1]!];
    const share = (t - left) / (right - left);
    return plus(times(points.values[j]!, 1 - share), points.values[j + 1]!, share);
  });
  return { times: at, values };
}

function pieceWeights(kind: "linear" | "hermite", { times: knots, values }: Points, queries: Row): PathWeights[] {
  const slope = (j: number) => times(plus(values[j + 1]!, values[j]!, -1), 1 / (knots[j + 1]! - knots[j]!));
  return queries.map((t) => {
    const j = pieceOf(knots, t);
    const length = knots[j + 1]! - knots[j]!;
    const u = (t - knots[j]!) / length;
    const own = slope(j);
    if (kind === "linear") return { value: plus(values[j]!, own, u * length), derivative: own };
    const before = j === 0 ? own : slope(j - 1);
    const bend = plus(before, own, -1);
    const value = plus(plus(values[j]!, own, u * length), bend, length * (u - 2 * u ** 2 + u ** 3));
    return { value, derivative: plus(own, bend, 1 - 4 * u + 3 * u ** 2) };
  });
}

/** The natural cubic spline: second derivatives at the knots by Gauss elimination of their tridiagonal system. */
function cubicWeights({ times: knots, values }: Points, queries: Row): PathWeights[] {
  const n = knots.length;
  const gap = (j: number) => knots[j + 1]! - knots[j]!;
  const slope = (j: number) => times(plus(values[j + 1]!, values[j]!, -1), 1 / gap(j));
  const none = times(values[0]!, 0);
  const diagonal: number[] = [];
  const right: number[][] = [];
  for (let i = 1; i < n - 1; i++) {
    const factor = i === 1 ? 0 : gap(i - 1) / diagonal[i - 2]!;
    diagonal.push(2 * (gap(i - 1) + gap(i)) - factor * gap(i - 1));
    const load = times(plus(slope(i), slope(i - 1), -1), 6);
    right.push(i === 1 ? load : plus(load, right[i - 2]!, -factor));
  }
  const bends: number[][] = Array.from({ length: n }, () => none);
  for (let i = n - 2; i >= 1; i--) bends[i] = times(plus(right[i - 1]!, bends[i + 1]!, -gap(i)), 1 / diagonal[i - 1]!);
  return queries.map((t) => {
    const j = pieceOf(knots, t);
    const [h, s] = [gap(j), t - knots[j]!];
    const [a, b] = [bends[j]!, bends[j + 1]!];
    const start = plus(plus(slope(j), a, -h / 3), b, -h / 6);
    const third = times(plus(b, a, -1), 1 / h);
    return {
      value: plus(plus(plus(values[j]!, start, s), a, s ** 2 / 2), third, s ** 3 / 6),
      derivative: plus(plus(start, a, s), third, s ** 2 / 2),
    };
  });
}
