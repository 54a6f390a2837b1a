/**
 * Initial value problems z' = f(t, z) solved inside a graph, in fixed steps or in steps that keep an error estimate small.
 * Gradients are those of the solver's own steps. Axes: n times.
 */
import { concat, fail, scan, stack, type Tensor, where } from "../tensor/index.ts";
import { type AdaptiveMethod, type OdeField, type OdeMethod, orderOf, rungeKuttaStep } from "./runge-kutta.ts";

export interface OdeProblem {
  field: OdeField;
  /** z at the first time. */
  z: readonly Tensor[];
  /** f32 [n], rising or falling: where z is wanted. */
  times: Tensor;
}

/** Every part of z at every time, times along a new axis 0. */
export type OdeSolution = Tensor[];

/** One step from each time to the next. */
export function solveBetween({ field, z, times }: OdeProblem, method: OdeMethod): OdeSolution {
  const { ys } = scan({
    init: z,
    xs: [times.slice(0, 0, -1), times.slice(0, 1)],
    step: (before, [from, to]) => {
      const { z: after } = rungeKuttaStep(method, field, { t: from!, h: to!.sub(from!), z: before });
      return { states: after, ys: after };
    },
  });
  return z.map((start, i) => concat(0, [start.unsqueeze(0), ys[i]!]));
}

interface Grid {
  /** Length of a step; the last is shortened to end at the last time. */
  size: number;
  /** The numbers in `times`, which decide between which steps they lie. */
  values: ArrayLike<number>;
}

/** Steps of one size from the first time on; z at the other times is interpolated linearly between them. */
export function solveOnGrid({ field, z, times }: OdeProblem, method: OdeMethod, { size, values }: Grid): OdeSolution {
  const [first, last] = [values[0]!, values[values.length - 1]!];
  if (!(size > 0)) fail({ code: "E_ODE_STEP", where: "step size", expected: "more than 0", got: String(size) });
  const signed = last < first ? -size : size;
  const count = Math.max(1, Math.ceil((last - first) / signed - 1e-9));
  const at = [...Array.from({ length: count }, (_, k) => times.at(0, 0).add(k * signed)), times.at(0, -1)];
  const grid = stack(0, at);
  const known = solveBetween({ field, z, times: grid }, method);
  const placed = Array.from(values, (value, i) => {
    const place = Math.min(count, Math.max(0, (value - first) / signed));
    if (i === 0 || value === last) return known.map((part) => part.at(0, i === 0 ? 0 : count));
    const k = Math.min(count - 1, Math.floor(place));
    const share = times
      .at(0, i)
      .sub(at[k]!)
      .div(at[k + 1]!.sub(at[k]!));
    return known.map((part) =>
      part.at(0, k).add(
        part
          .at(0, k + 1)
          .sub(part.at(0, k))
          .mul(share),
      ),
    );
  });
  return known.map((_, part) =>
    stack(
      0,
      placed.map((parts) => parts[part]!),
    ),
  );
}

export interface Tolerance {
  /** The error of a step is at most atol + rtol·|z| in the root mean square. */
  rtol: number;
  atol: number;
  /** Attempted steps between two times; what is then left is done in one more, whatever its error. */
  maxSteps: number;
  /** all: one step size for everything; rows: one for every row (axis 0) of z, which then do not depend on each other. */
  norm: "all" | "rows";
}

/** Embedded methods with steps of changing size (Hairer, Nørsett & Wanner 1993, section II.4); step sizes carry no gradient. */
export function solveAdaptive(
  { field, z, times }: OdeProblem,
  method: AdaptiveMethod,
  tolerance: Tolerance,
): OdeSolution {
  const rank = z[0]!.rank;
  const shape = tolerance.norm === "all" ? [] : [z[0]!.dim(0), ...new Array<number>(rank - 1).fill(1)];
  const at = Array.from({ length: times.dim(0) }, (_, i) => times.at(0, i).expand(shape));
  let [h, state] = [at[1]!.sub(at[0]!).div(10).stopGradient(), z];
  const found = [z];
  for (let i = 1; i < at.length; i++) {
    const next = between({ field, method, tolerance, from: at[i - 1]!, to: at[i]!, h, z: state });
    [h, state] = [next.h, next.z];
    found.push(state);
  }
  return z.map((_, part) =>
    stack(
      0,
      found.map((parts) => parts[part]!),
    ),
  );
}

interface Interval {
  field: OdeField;
  method: AdaptiveMethod;
  tolerance: Tolerance;
  from: Tensor;
  to: Tensor;
  /** First step to try. */
  h: Tensor;
  z: readonly Tensor[];
}

function between({ field, method, tolerance, from, to, h, z }: Interval): { z: readonly Tensor[]; h: Tensor } {
  const { states } = scan({
    init: [from, h, ...z],
    xs: [],
    length: tolerance.maxSteps,
    step: ([t, size, ...before]) => ({
      states: attempt({ field, method, tolerance, to }, { t: t!, h: size!, z: before }),
      ys: [],
    }),
  });
  const [t, size, ...after] = states;
  const rest = rungeKuttaStep(method, field, { t: t!, h: to.sub(t!), z: after });
  return { z: rest.z, h: size! };
}

/** Tries a step of size h, or what is left; the next size follows from the error. */
function attempt(
  { field, method, tolerance, to }: Pick<Interval, "field" | "method" | "tolerance" | "to">,
  { t, h, z }: { t: Tensor; h: Tensor; z: readonly Tensor[] },
): Tensor[] {
  const left = to.sub(t);
  const ends = left.abs().lessEqual(h.abs());
  const size = where(ends, left, h);
  const step = rungeKuttaStep(method, field, { t, h: size, z });
  const ratio = errorRatio(step, z, tolerance).stopGradient();
  const good = ratio.lessEqual(1);
  const factor = ratio
    .maximum(1e-10)
    .pow(-1 / orderOf(method))
    .mul(0.9)
    .maximum(0.2)
    .minimum(10);
  const nextSize = where(ends.and(good), h, size.mul(factor)).stopGradient();
  const nextTime = where(good, where(ends, to, t.add(size)), t);
  return [nextTime, nextSize, ...step.z.map((after, i) => where(good, after, z[i]!))];
}

/** √ mean of (error / (atol + rtol·max(|z|, |z′|)))². */
function errorRatio(
  step: { z: readonly Tensor[]; error?: readonly Tensor[] | undefined },
  before: readonly Tensor[],
  { rtol, atol, norm }: Tolerance,
): Tensor {
  const axes = (x: Tensor) => (norm === "all" ? undefined : x.shape.map((_, axis) => axis).slice(1));
  const squares = step.z.map((after, i) => {
    const allowed = after.abs().maximum(before[i]!.abs()).mul(rtol).add(atol);
    return step.error![i]!.div(allowed).square();
  });
  const count = squares.reduce((sum, x) => sum + (norm === "all" ? x.size : x.size / x.dim(0)), 0);
  return squares
    .map((x) => x.sum(axes(x), norm === "rows"))
    .reduce((a, b) => a.add(b))
    .div(count)
    .sqrt();
}
