/**
 * Gradients of a solved initial value problem by the continuous adjoint (Chen et al. 2018, appendix B): λ = ∂L/∂z obeys
 * λ' = −λᵀ ∂f/∂z and is integrated back from time to time beside z, so that no step of the forward solution is kept.
 */
import { vjp } from "../grad/index.ts";
import { concat, customGradient, stack, type Tensor, zeros } from "../tensor/index.ts";
import { type OdeSolution, solveAdaptive, solveBetween, type Tolerance } from "./ode.ts";
import type { AdaptiveMethod, OdeField, OdeMethod } from "./runge-kutta.ts";

export interface AdjointProblem {
  /** Slopes of one tensor z; what it reads beside t and z are `parameters`. */
  field: (t: Tensor, z: Tensor) => Tensor;
  parameters: readonly Tensor[];
  /** f32 [n]. */
  times: Tensor;
  /** The solution at the times, and ∂L/∂z of each: [n, …]. */
  z: Tensor;
  cotangents: Tensor;
  /** How each stretch between two times is integrated back: a fixed method takes one step. */
  solver: { method: OdeMethod } | ({ method: AdaptiveMethod } & Tolerance);
}

export interface AdjointGradients {
  /** By z at the first time. */
  start: Tensor;
  /** By every time, [n]. */
  times: Tensor;
  parameters: Tensor[];
}

export function adjointGradients(problem: AdjointProblem): AdjointGradients {
  const { field, parameters, times, z, cotangents } = problem;
  const n = times.dim(0);
  const byTime: Tensor[] = new Array(n);
  let adjoint = zeros(z.shape.slice(1));
  let fromTime = zeros([]);
  let byParameter: readonly Tensor[] = parameters.map(({ shape }) => zeros(shape));
  for (let i = n - 1; i > 0; i--) {
    const cotangent = cotangents.at(0, i);
    adjoint = adjoint.add(cotangent);
    byTime[i] = field(times.at(0, i), z.at(0, i)).mul(cotangent).sum();
    fromTime = fromTime.sub(byTime[i]!);
    const stretch = stack(0, [times.at(0, i), times.at(0, i - 1)]);
    const ends = solvedBack(problem, { times: stretch, z: [z.at(0, i), adjoint, fromTime, ...byParameter] });
    [, adjoint, fromTime] = ends as [Tensor, Tensor, Tensor];
    byParameter = ends.slice(3);
  }
  byTime[0] = fromTime;
  return {
    start: adjoint.add(cotangents.at(0, 0)),
    times: stack(0, byTime),
    parameters: [...byParameter],
  };
}

/** z, λ, and the gradients by time and parameters gathered on the way, at the earlier time. */
function solvedBack(
  { field, parameters, solver }: AdjointProblem,
  { times, z }: { times: Tensor; z: readonly Tensor[] },
): Tensor[] {
  const augmented: OdeField = (t, [now, adjoint]) => {
    const slope = field(t, now!);
    const wanted = [now!, t, ...parameters];
    const gradients = vjp([slope], [adjoint!.neg()], wanted, [now!, t, adjoint!]);
    const [back, time, ...rest] = gradients.map((gradient, i) => gradient ?? zeros(wanted[i]!.shape));
    return [slope, back!, time!, ...rest];
  };
  const found: OdeSolution =
    "rtol" in solver
      ? solveAdaptive({ field: augmented, z, times }, solver.method, solver)
      : solveBetween({ field: augmented, z, times }, solver.method);
  return found.map((part) => part.at(0, -1));
}

export interface AdjointJourney extends Pick<AdjointProblem, "parameters" | "solver"> {
  /** Slopes of z; it reads its arguments alone. */
  field: (t: Tensor, z: Tensor, parameters: readonly Tensor[]) => Tensor;
  /** z at the first time. */
  start: Tensor;
  /** Constants, f32 [n]. */
  times: Tensor;
  /** How the adjoint is solved, back in time; it gathers sums over rows, so that rows cannot have steps of their own. */
  back: AdjointProblem["solver"];
}

/**
 * z at the last time, whose gradients are the adjoint's: nothing of the solution is kept for them, it is computed once more.
 */
export function solveWithAdjoint({ field, start, parameters, times, solver, back }: AdjointJourney): Tensor {
  const solved = (z: Tensor, own: readonly Tensor[]): Tensor => {
    const problem = { field: (t: Tensor, [now]: readonly Tensor[]) => [field(t, now!, own)], z: [z], times };
    return "rtol" in solver
      ? solveAdaptive(problem, solver.method, solver)[0]!
      : solveBetween(problem, solver.method)[0]!;
  };
  return customGradient([start, ...parameters], {
    forward: ([z, ...own]) => solved(z!, own).at(0, -1),
    backward({ inputs: [z, ...own], g }) {
      const known = solved(z!, own);
      const earlier = zeros([times.dim(0) - 1, ...g.shape]);
      const cotangents = concat(0, [earlier, g.unsqueeze(0)]);
      const slopes = (t: Tensor, now: Tensor) => field(t, now, own);
      const found = adjointGradients({ field: slopes, parameters: own, times, z: known, cotangents, solver: back });
      return [found.start, ...found.parameters];
    },
  });
}
