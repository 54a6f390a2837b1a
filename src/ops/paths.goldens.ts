/** torchcde's paths through observations, some of them missing, and controlled differential equations along them. */
import { concat, constant, stack, type Tensor } from "../tensor/index.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../testing/goldens/index.ts";
import { type PathKind, pathWeights } from "./paths.ts";
import { nodesOf, type OdeMethod, rungeKuttaStep } from "./runge-kutta.ts";

/** Value and derivative [B, channels] at each time. */
function pathAt(c: GoldenCase, queries: readonly number[]): { value: Tensor[]; derivative: Tensor[] } {
  const x = c.tensor("in.x");
  const [B, T, C] = x.shape as [number, number, number];
  const times = [...c.values("in.t")];
  const observed = c.has("in.observed") ? c.values("in.observed") : undefined;
  const kind = c.text("path") as PathKind;
  const weights = Array.from({ length: B * C }, (_, i) => {
    const [b, channel] = [Math.floor(i / C), i % C];
    const seen = times.map((_, t) => observed === undefined || observed[(b * T + t) * C + channel] === 1);
    return pathWeights({ kind, times, observed: seen }, queries);
  });
  const rows = x.transpose([0, 2, 1]);
  const sums = (part: "value" | "derivative") =>
    queries.map((_, q) =>
      rows
        .mul(
          constant(
            weights.flatMap((w) => w[q]![part]),
            [B, C, T],
          ),
        )
        .sum(2),
    );
  return { value: sums("value"), derivative: sums("derivative") };
}

function interpolation(c: GoldenCase): GoldenGraph {
  const { value, derivative } = pathAt(c, [...c.values("in.query")]);
  return { outputs: { "out.value": stack(1, value), "out.derivative": stack(1, derivative) } };
}

function equation(c: GoldenCase): GoldenGraph {
  const at = (name: string) => c.tensor(`param.${name}`);
  const linear = (x: Tensor, name: string) => x.matmul(at(`${name}.weight`), { transB: true }).add(at(`${name}.bias`));
  const [H, C] = [c.number("hidden"), c.number("channels")];
  const method = c.text("method") as OdeMethod;
  const knots = [...c.values("in.t")];
  const grid = gridOf(c, knots);
  let z = linear(pathAt(c, [knots[0]!]).value[0]!, "initial");
  const found = [z];
  for (let k = 0; k + 1 < grid.length; k++) {
    const [from, h] = [grid[k]!, grid[k + 1]! - grid[k]!];
    const { derivative } = pathAt(
      c,
      nodesOf(method).map((node) => from + node * h),
    );
    const field = (_: Tensor, [now]: readonly Tensor[], stage: number) => {
      const matrix = linear(linear(now!, "field.l1").relu(), "field.l2").tanh().reshape([-1, H, C]);
      return [matrix.matmul(derivative[stage]!.unsqueeze(2)).squeeze(2)];
    };
    z = rungeKuttaStep(method, field, { t: constant([from], []), h: constant([h], []), z: [z] }).z[0]!;
    found.push(z);
  }
  const atKnots = knots.map((t) => between(grid, found, t).unsqueeze(1));
  return { outputs: { "out.z": concat(1, atKnots) } };
}

/** The knots, or steps of one size of which the last is shorter. */
function gridOf(c: GoldenCase, knots: readonly number[]): number[] {
  if (c.config["step_size"] === undefined) return [...knots];
  const [first, last, size] = [knots[0]!, knots[knots.length - 1]!, c.number("step_size")];
  const count = Math.ceil((last - first) / size);
  return [...Array.from({ length: count }, (_, k) => first + k * size), last];
}

function between(grid: readonly number[], values: readonly Tensor[], t: number): Tensor {
  const k = Math.max(
    0,
    grid.findIndex((time) => time >= t - 1e-12),
  );
  if (Math.abs(grid[k]! - t) < 1e-12) return values[k]!;
  const share = (t - grid[k - 1]!) / (grid[k]! - grid[k - 1]!);
  return values[k - 1]!.add(values[k]!.sub(values[k - 1]!).mul(share));
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "path_interpolation", build: interpolation },
  { kind: "blocks", component: "neural_cde", build: equation },
];
