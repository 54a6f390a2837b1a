/** Features of one query or key, and attention through them with every pair of tokens spelled out. */
import type { Loose } from "../../testing/index.ts";
import { cut, dot, range, sum, times } from "./plain-loops.ts";

type Vector = readonly number[];

/** φ of linear attention. */
export function linearPhi({ featureMap }: { featureMap: string }): (x: Vector) => number[] {
  const products = (x: Vector, factor: number) =>
    range(x.length).flatMap((i) =>
      range(x.length)
        .filter((j) => j >= i)
        .map((j) => x[i]! * x[j]! * factor * (i === j ? 1 : Math.SQRT2)),
    );
  if (featureMap === "relu") return (x) => x.map((value) => Math.max(0, value));
  if (featureMap === "elu1") return (x) => x.map((value) => (value > 0 ? value + 1 : Math.exp(value)));
  if (featureMap === "square") return (x) => products(x, 1 / Math.sqrt(x.length));
  return (x) => [1, ...x.map((value) => value / x.length ** 0.25), ...products(x, 1 / Math.sqrt(2 * x.length))];
}

const scaled = (x: Vector): number[] => x.map((value) => value * x.length ** -0.25);

/** Lemma 1 of Choromanski et al. 2021: positive features of one vector. */
export function performerPhi(
  x: Vector,
  P: readonly Vector[],
  { kernel, epsilon, shift = 0 }: { kernel: string; epsilon: number; shift?: number },
): number[] {
  const u = scaled(x);
  if (kernel === "relu") return P.map((row) => Math.max(0, dot(row, u)) + epsilon);
  return P.map((row) => (Math.exp(dot(row, u) - dot(u, u) / 2 - shift) + epsilon) / Math.sqrt(P.length));
}

export const largestProjection = (x: Vector, P: readonly Vector[]): number =>
  Math.max(...P.map((row) => dot(row, scaled(x))));

interface Maps {
  /** Heads. */
  d: { H: number };
  p: Readonly<Record<string, Loose>>;
}

/** Shen et al. 2018, section 3.2: softmaxes of a query's features, and of a key's feature over the source. */
export function efficientNaively(tokens: number[][], source: number[][], { d, p }: Maps): number[][] {
  const softmax = (z: Vector) => z.map((v) => Math.exp(v) / sum(z.map(Math.exp)));
  const [k, v] = [p.k!, p.v!].map((map) => source.map((token) => times(token, map))) as [number[][], number[][]];
  const keys = k[0]!.map((_, i) => softmax(k.map((row) => row[i]!)));
  return tokens.map((token) => {
    const read = cut(times(token, p.q!), d.H).flatMap((q, h) => {
      const channel = (i: number) => h * q.length + i;
      const shares = source.map((_, s) => sum(softmax(q).map((w, i) => w * keys[channel(i)]![s]!)));
      return q.map((_, i) => sum(v.map((value, s) => shares[s]! * value[channel(i)]!)));
    });
    return times(read, p.out!, p.outBias);
  });
}

interface Phis {
  query: (q: number[]) => number[];
  /** Of key s among all of a head's keys. */
  key: (k: number[], all: readonly number[][]) => number[];
  /** Added to the total weight. */
  epsilon: number;
}

/** y_t = Σ_s φ(q_t)·φ(k_s) v_s / (Σ_s φ(q_t)·φ(k_s) + ε) per head, and out (Katharopoulos et al. 2020, eq. 4). */
export function pairsNaively(
  tokens: number[][],
  source: number[][],
  { d, p, query, key, epsilon }: Maps & Phis,
): number[][] {
  const [k, v] = [p.k!, p.v!].map((map) => source.map((token) => cut(times(token, map), d.H))) as [
    number[][][],
    number[][][],
  ];
  return tokens.map((token) => {
    const read = cut(times(token, p.q!), d.H).flatMap((q, h) => {
      const all = k.map((heads) => heads[h]!);
      const weights = all.map((one) => dot(query(q), key(one, all)));
      const values = v.map((heads) => heads[h]!);
      return values[0]!.map(
        (_, i) =>
          dot(
            weights,
            values.map((row) => row[i]!),
          ) /
          (sum(weights) + epsilon),
      );
    });
    return times(read, p.out!, p.outBias);
  });
}
