/** Which features of a head turn together in rotary positions. */
import { constant, type Tensor } from "../../tensor/index.ts";

/** A feature's pair (−1 where it does not rotate), its partner, and whether it is the pair's first. */
export interface Paired {
  pair: number;
  partner: number;
  first: boolean;
}

export function pairsOf({ K, pairs }: { K: number; pairs: number }, layout: "halves" | "interleaved"): Paired[] {
  return Array.from({ length: K }, (_, feature) => {
    if (feature >= 2 * pairs) return { pair: -1, partner: feature, first: false };
    if (layout === "interleaved") return { pair: feature >> 1, partner: feature ^ 1, first: feature % 2 === 0 };
    const first = feature < pairs;
    return { pair: first ? feature : feature - pairs, partner: first ? feature + pairs : feature - pairs, first };
  });
}

/**
 * The matrix [K, K] of a quarter turn of every pair: (x_a, x_b) → (−x_b, x_a), zero on features that do not rotate.
 * As a product it is exact (one term ±x), and much cheaper with its gradient than slices and concatenations.
 */
export function quarterTurn(pairing: readonly Paired[]): Tensor {
  const K = pairing.length;
  const matrix = new Float64Array(K * K);
  pairing.forEach(({ pair, partner, first }, feature) => {
    if (pair >= 0) matrix[partner * K + feature] = first ? -1 : 1;
  });
  return constant(matrix, [K, K]);
}
