import { expect, test } from "vitest";
import { vjp } from "../grad/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";
import { randomNormal, run } from "../testing/index.ts";
import { solveAdaptive, solveBetween, solveOnGrid } from "./ode.ts";
import { adjointGradients } from "./ode-adjoint.ts";
import { type OdeMethod, odeMethods } from "./runge-kutta.ts";

const end = 1.5;
const times = (steps: number) => Array.from({ length: steps + 1 }, (_, i) => (end * i) / steps);
const tensor = (values: readonly number[]) => constant(values, [values.length]);

/** Error at the end of z' = z cos t, whose solution is e^{sin t}. */
function errorOf(method: OdeMethod, steps: number): number {
  const field = (t: Tensor, [z]: readonly Tensor[]) => [z!.mul(t.cos())];
  const { z } = run({
    inputs: {},
    build: () => ({ z: solveBetween({ field, z: [constant([1], [1])], times: tensor(times(steps)) }, method)[0]! }),
  });
  return Math.abs(z!.data.at(-1)! - Math.exp(Math.sin(end)));
}

const orders: Readonly<Record<OdeMethod, number>> = {
  euler: 1,
  midpoint: 2,
  heun2: 2,
  heun3: 3,
  rk4: 4,
  bosh3: 3,
  dopri5: 5,
};

test.each(odeMethods)("[neural-ode] %s converges at its order", (method) => {
  const [coarse, fine] = [errorOf(method, 24), errorOf(method, 48)];
  expect(Math.log2(coarse / fine)).toBeGreaterThan(orders[method] - 0.25);
  expect(Math.log2(coarse / fine)).toBeLessThan(orders[method] + 0.6);
});

/** Gradients of Σ z(t_i)·g_i of a small field by its start, its times and its matrix. */
function gradientsBy(way: "adjoint" | "steps", { fine }: { fine: boolean }) {
  const stops = [0, 0.4, 1, 1.3];
  const tolerance = { rtol: 1e-9, atol: 1e-11, maxSteps: 60, norm: "all" } as const;
  return run({
    inputs: {
      start: randomNormal("start", [2, 3]),
      matrix: randomNormal("matrix", [3, 3]),
      times: { shape: [stops.length], data: Float64Array.from(stops) },
      cotangent: randomNormal("cotangent", [stops.length, 2, 3]),
    },
    build: ({ start, matrix, times: at, cotangent }) => {
      const field = (t: Tensor, z: Tensor) => z.matmul(matrix!).add(t).tanh();
      const problem = { field: (t: Tensor, [z]: readonly Tensor[]) => [field(t, z!)], z: [start!], times: at! };
      const [z] = fine ? solveAdaptive(problem, "dopri5", tolerance) : solveBetween(problem, "rk4");
      if (way === "steps") {
        const [s, m, t] = vjp([z!], [cotangent!], [start!, matrix!, at!]);
        return { start: s!, matrix: m!, times: t! };
      }
      const found = adjointGradients({
        field,
        parameters: [matrix!],
        times: at!,
        z: z!,
        cotangents: cotangent!,
        solver: fine ? { method: "dopri5", ...tolerance } : { method: "rk4" },
      });
      return { start: found.start, matrix: found.parameters[0]!, times: found.times };
    },
  });
}

test("[neural-ode] the adjoint's gradients are those of backpropagation through the solver, as exactly as both solve", () => {
  for (const [fine, tolerance] of [
    [true, 1e-7],
    [false, 1e-2],
  ] as const) {
    const [adjoint, steps] = [gradientsBy("adjoint", { fine }), gradientsBy("steps", { fine })];
    for (const name of ["start", "matrix", "times"] as const)
      expect(adjoint[name]!).toBeAllclose(steps[name]!, { tolerance });
  }
});

test("between the steps of a grid the solution is interpolated, and the last step is shortened", () => {
  const values = [0, 0.3, 1, 1.1];
  const { z } = run({
    inputs: {},
    build: () => {
      const field = (t: Tensor) => [t.mul(0).add(2).reshape([1])];
      const problem = { field, z: [constant([1], [1])], times: tensor(values) };
      return { z: solveOnGrid(problem, "euler", { size: 0.4, values })[0]! };
    },
  });
  values.forEach((t, i) => void expect(z!.data[i]).toBeCloseTo(1 + 2 * t, 12));
});

test("a grid needs steps forwards", () => {
  const problem = { field: (_: Tensor, z: readonly Tensor[]) => z, z: [constant([1], [1])], times: tensor([0, 1]) };
  expect(() => solveOnGrid(problem, "euler", { size: 0, values: [0, 1] })).toThrow(/E_ODE_STEP/);
});
