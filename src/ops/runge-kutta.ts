/** One step of explicit Runge–Kutta methods for z' = f(t, z); z may be several tensors. */
import type { Tensor } from "../tensor/index.ts";

/** Stage i is at t + nodes[i]·h from slopes weighted by stages[i]; the step ends with `weights`. */
interface Tableau {
  order: number;
  nodes: readonly number[];
  stages: readonly (readonly number[])[];
  weights: readonly number[];
  /** Weights less those of the embedded method of the next lower order: the step's error estimate. */
  error?: readonly number[];
}

const dormandPrince = [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0];
const dormandPrinceLower = [5179 / 57600, 0, 7571 / 16695, 393 / 640, -92097 / 339200, 187 / 2100, 1 / 40];
const bogackiShampine = [2 / 9, 1 / 3, 4 / 9, 0];
const bogackiShampineLower = [7 / 24, 1 / 4, 1 / 3, 1 / 8];
const difference = (a: readonly number[], b: readonly number[]) => a.map((value, i) => value - b[i]!);

const tableaus = {
  euler: { order: 1, nodes: [0], stages: [[]], weights: [1] },
  midpoint: { order: 2, nodes: [0, 1 / 2], stages: [[], [1 / 2]], weights: [0, 1] },
  heun2: { order: 2, nodes: [0, 1], stages: [[], [1]], weights: [1 / 2, 1 / 2] },
  heun3: { order: 3, nodes: [0, 1 / 3, 2 / 3], stages: [[], [1 / 3], [0, 2 / 3]], weights: [1 / 4, 0, 3 / 4] },
  /** Kutta's 3/8 rule. */
  rk4: {
    order: 4,
    nodes: [0, 1 / 3, 2 / 3, 1],
    stages: [[], [1 / 3], [-1 / 3, 1], [1, -1, 1]],
    weights: [1 / 8, 3 / 8, 3 / 8, 1 / 8],
  },
  /** Bogacki & Shampine 1989. */
  bosh3: {
    order: 3,
    nodes: [0, 1 / 2, 3 / 4, 1],
    stages: [[], [1 / 2], [0, 3 / 4], bogackiShampine.slice(0, 3)],
    weights: bogackiShampine,
    error: difference(bogackiShampine, bogackiShampineLower),
  },
  /** Dormand & Prince 1980. */
  dopri5: {
    order: 5,
    nodes: [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1],
    stages: [
      [],
      [1 / 5],
      [3 / 40, 9 / 40],
      [44 / 45, -56 / 15, 32 / 9],
      [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
      [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
      dormandPrince.slice(0, 6),
    ],
    weights: dormandPrince,
    error: difference(dormandPrince, dormandPrinceLower),
  },
} satisfies Record<string, Tableau>;

export const odeMethods = ["euler", "midpoint", "heun2", "heun3", "rk4", "bosh3", "dopri5"] as const;
export type OdeMethod = (typeof odeMethods)[number];
export const adaptiveMethods = ["bosh3", "dopri5"] as const;
export type AdaptiveMethod = (typeof adaptiveMethods)[number];

export const orderOf = (method: OdeMethod): number => tableaus[method].order;
/** Where in a step each stage lies, 0 at its start and 1 at its end. */
export const nodesOf = (method: OdeMethod): readonly number[] => tableaus[method].nodes;

/** Methods whose steps are of one size: every evaluation counts in the step's end. */
export const plainOdeMethods = ["euler", "midpoint", "heun2", "heun3", "rk4"] as const satisfies readonly OdeMethod[];
export type PlainOdeMethod = (typeof plainOdeMethods)[number];

/** Shares of the slopes so far in what stage i starts from, or at `end` in what the step ends with; times h. */
export const slopeShares = (method: OdeMethod, stage: number | "end"): readonly number[] =>
  stage === "end" ? tableaus[method].weights : tableaus[method].stages[stage]!;

/** Slopes of z at time t; `stage` counts the evaluations of a step. */
export type OdeField = (t: Tensor, z: readonly Tensor[], stage: number) => readonly Tensor[];

export interface OdeStep {
  /** Both f32 of a shape that broadcasts to every z. */
  t: Tensor;
  h: Tensor;
  z: readonly Tensor[];
}

/** z after the step, and where the method has one its error estimate. */
export function rungeKuttaStep(method: OdeMethod, field: OdeField, { t, h, z }: OdeStep) {
  const tableau: Tableau = tableaus[method];
  const slopes: (readonly Tensor[])[] = [];
  /** h Σ w_i k_i of part `n`; undefined where all weights are 0. */
  const moved = (weights: readonly number[], n: number): Tensor | undefined => {
    const terms = weights.flatMap((w, i) => (w === 0 ? [] : [w === 1 ? slopes[i]![n]! : slopes[i]![n]!.mul(w)]));
    return terms.length === 0 ? undefined : h.mul(terms.reduce((sum, term) => sum.add(term)));
  };
  for (const [stage, node] of tableau.nodes.entries()) {
    const at = z.map((part, n) => added(part, moved(tableau.stages[stage]!, n)));
    slopes.push(field(node === 0 ? t : t.add(node === 1 ? h : h.mul(node)), at, stage));
  }
  return {
    z: z.map((part, n) => added(part, moved(tableau.weights, n))),
    error: tableau.error && z.map((_, n) => moved(tableau.error!, n)!),
  };
}

const added = (z: Tensor, change: Tensor | undefined): Tensor => (change ? z.add(change) : z);
