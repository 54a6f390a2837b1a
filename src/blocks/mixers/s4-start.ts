/** Where the state matrices of S4 and S4D start: plain numbers, one of each conjugate pair. */
import { type HippoMeasure, hippo, type NormalPlusLowRank, normalPlusLowRank } from "../../ops/index.ts";

/** Gu et al. 2022 (S4D), section 4.3. */
export const diagonalStarts = ["lin", "inv", "quad", "real", "legs"] as const;
export type DiagonalStart = (typeof diagonalStarts)[number];

/** Where B starts: 1, 1 and −1 in turn, or once around the unit circle, clockwise or not; legs has its own. */
export const inputStarts = ["constant", "alternating", "clockwise", "counter-clockwise"] as const;
export type InputStart = (typeof inputStarts)[number];

type Pairs = [re: number, im: number][];

/** A and B of N/2 states with non-negative frequencies, for a state of N real numbers. */
export function diagonalStart(
  kind: DiagonalStart,
  state: number,
  input: InputStart = "constant",
): { A: Pairs; B: Pairs } {
  if (kind === "legs") {
    const { re, im, B } = conjugate(normalPlusLowRankOf("legs", state));
    return { A: im.map((w) => [re, w]), B };
  }
  const frequency: Record<Exclude<DiagonalStart, "legs">, (n: number) => number> = {
    lin: (n) => Math.PI * n,
    inv: (n) => (state / Math.PI) * (state / (2 * n + 1) - 1),
    quad: (n) => (1 + 2 * n) ** 2 / Math.PI,
    real: () => 0,
  };
  const index = Array.from({ length: state / 2 }, (_, n) => n);
  return {
    A: index.map((n) => [kind === "real" ? -(n + 1) : -0.5, frequency[kind](n)]),
    B: index.map((n) => inputAt(input, n, state)),
  };
}

function inputAt(kind: InputStart, n: number, state: number): Pairs[number] {
  if (kind === "constant") return [1, 0];
  if (kind === "alternating") return [n % 2 === 0 ? 1 : -1, 0];
  const angle = (kind === "clockwise" ? -2 : 2) * Math.PI * (n / state);
  return [Math.cos(angle), Math.sin(angle)];
}

/** HiPPO in the eigenbasis of its normal part, the eigenvalues re + i·im with im ≥ 0 and the vectors for them. */
export const lowRankStart = (measure: HippoMeasure, state: number): NormalPlusLowRank =>
  conjugate(normalPlusLowRankOf(measure, state));

const known = new Map<string, NormalPlusLowRank>();

/** Found once: every layer of a model starts from the same matrix. */
function normalPlusLowRankOf(measure: HippoMeasure, state: number): NormalPlusLowRank {
  const key = `${measure} ${state}`;
  const found = known.get(key) ?? normalPlusLowRank(hippo(measure, state));
  known.set(key, found);
  return found;
}

const mirrored = (pairs: readonly [number, number][]): Pairs => pairs.map(([re, im]) => [re, -im]);

const conjugate = ({ re, im, B, P, vectors }: NormalPlusLowRank): NormalPlusLowRank => ({
  re,
  im,
  B: mirrored(B),
  P: P.map(mirrored),
  vectors: vectors.map(mirrored),
});
