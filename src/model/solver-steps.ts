/**
 * Rounds as evaluations of an explicit Runge–Kutta method: what the layers of a round add to the stream is the slope of
 * x' = f(x), and a step of size h takes as many rounds as the method has stages (Zhong et al. 2022, arXiv 2212.06011; Li et
 * al. 2022, arXiv 2203.09176). Euler's method with h = 1 is the plain loop.
 */
import { nodesOf, slopeShares } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { RoundsSpec } from "./spec.ts";

type Solver = NonNullable<RoundsSpec["solver"]>;

export const stagesOf = ({ method }: Pick<Solver, "method">): number => nodesOf(method).length;

export interface SolverSteps {
  /** What a round starts from, given what the round before it left. */
  before(round: number, x: Tensor): Tensor;
  /** Takes what a round left; behind the last round of a step, the stream after it. */
  after(round: number, left: Tensor): Tensor;
  /** When a round evaluates its slope, in steps from the start. */
  timeOf(round: number): number;
}

export function startSteps({ method, size }: Solver): SolverSteps {
  const stages = nodesOf(method).length;
  const plain = stages === 1 && size === 1;
  let [start, entered] = [] as Tensor[] as [Tensor, Tensor];
  let slopes: Tensor[] = [];
  const moved = (shares: readonly number[]) =>
    shares.reduce((x, share, i) => (share === 0 ? x : x.add(slopes[i]!.mul(size * share))), start);
  return {
    before(round, x) {
      const stage = round % stages;
      if (stage === 0) [start, slopes] = [x, []];
      entered = moved(slopeShares(method, stage));
      return entered;
    },
    after(round, left) {
      if (plain) return left;
      slopes.push(left.sub(entered));
      return round % stages === stages - 1 ? moved(slopeShares(method, "end")) : left;
    },
    timeOf: (round) => Math.floor(round / stages) + nodesOf(method)[round % stages]!,
  };
}
