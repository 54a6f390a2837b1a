import { constant } from "../../tensor/index.ts";
import { run, weightsFrom } from "../../testing/index.ts";
import { activate, type HiddenActivation } from "./learned-activation.ts";

const points = Array.from({ length: 400 }, (_, i) => i / 399);

interface Rate {
  kind: HiddenActivation;
  /** The nonlinearity's own parameters, where it has any. */
  own?: Readonly<Record<string, readonly number[]>>;
  /** Slopes of the units at each knot. */
  slopes: readonly number[];
}

/** Columns φ(s (x − b)) of units at `knots` equal places of [0, 1], and a column of ones. */
function featuresOf({ kind, own = {}, slopes }: Rate, knots: number): Float64Array[] {
  const units = Array.from({ length: knots }, (_, j) => slopes.map((s) => ({ s, b: j / knots }))).flat();
  const inner = points.flatMap((x) => units.map(({ s, b }) => s * (x - b)));
  const weights = Object.entries(own).map(([name, values]) => [name, constant([...values], [values.length])] as const);
  const build = () => ({
    y: activate(kind, constant(inner, [points.length, units.length]), weightsFrom(Object.fromEntries(weights))),
  });
  const { data } = run({ inputs: {}, build }).y!;
  const columns = units.map((_, j) => Float64Array.from(points, (_, i) => data[i * units.length + j]!));
  return [Float64Array.from(points, () => 1), ...columns];
}

const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);

/** Root mean square of what is left of a target after the best combination of columns: Gram–Schmidt, each column twice. */
function leastSquaresError(columns: readonly Float64Array[], target: Float64Array): number {
  const basis: Float64Array[] = [];
  const without = (v: Float64Array) =>
    basis.reduce((rest, q) => {
      const share = dot(rest, q);
      return rest.map((x, i) => x - share * q[i]!);
    }, v);
  for (const column of columns) {
    const rest = without(without(column));
    const norm = Math.sqrt(dot(rest, rest));
    if (norm > 1e-9 * Math.sqrt(dot(column, column))) basis.push(rest.map((x) => x / norm));
  }
  const rest = without(without(target));
  return Math.sqrt(dot(rest, rest) / rest.length);
}

/** How the best fit's error falls with the number of units of one hidden layer: the exponent of n^−rate, fitted over `knots`. */
export function approximationRate(rate: Rate, target: (x: number) => number, knots: readonly number[]): number {
  const values = Float64Array.from(points, target);
  const logs = knots.map((count) => ({
    x: Math.log(count * rate.slopes.length),
    y: Math.log(leastSquaresError(featuresOf(rate, count), values)),
  }));
  const mean = (axis: "x" | "y") => logs.reduce((sum, one) => sum + one[axis], 0) / logs.length;
  const [mx, my] = [mean("x"), mean("y")];
  const covariance = logs.reduce((sum, { x, y }) => sum + (x - mx) * (y - my), 0);
  return -covariance / logs.reduce((sum, { x }) => sum + (x - mx) ** 2, 0);
}
