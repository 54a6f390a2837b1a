/**
 * Neural ODE: instead of a few layers, every token follows a learned differential equation from time 0 to 1; the sublayer's output
 * is how far it went. Axes: D model, F hidden.
 */
import { z } from "zod";
import {
  type AdaptiveMethod,
  type AdjointProblem,
  adaptiveMethods,
  type OdeMethod,
  odeMethods,
  solveAdaptive,
  solveBetween,
  solveWithAdjoint,
} from "../../ops/index.ts";
import { constant, fail, iota, type Tensor } from "../../tensor/index.ts";
import { defineChannel } from "../define.ts";
import { bias, matrix, vector } from "../weights/declare.ts";
import { linear, value, type Weight, type Weights } from "../weights/use.ts";

const config = z.strictObject({
  hidden: z.int().positive().optional().describe("hidden units of the field (default: twice the model width)"),
  method: z.enum(odeMethods).default("rk4").describe("solver; rk4 is the 3/8 rule"),
  steps: z.int().positive().default(1).describe("steps of equal size; not where they are adaptive"),
  adaptive: z
    .boolean()
    .default(false)
    .describe(
      "steps as long as a token's error estimate allows (method dopri5 or bosh3); gradients are those of the steps taken",
    ),
  gradient: z
    .enum(["steps", "adjoint"])
    .default("steps")
    .describe(
      "steps: that of the steps taken; adjoint: solved back in time with the same solver, keeping no step (Chen et al. 2018, appendix B), exact as far as the solver is",
    ),
  rtol: z.number().positive().default(1e-3).describe("allowed error of an adaptive step, relative to the state"),
  atol: z.number().positive().default(1e-4).describe("allowed error of an adaptive step beside that"),
  maxSteps: z.int().positive().default(12).describe("attempts at adaptive steps; the cost is always that of so many"),
});
type C = z.infer<typeof config>;

function dims(c: C, D: number) {
  if (c.adaptive) assertAdaptive(c.method);
  return { D, F: c.hidden ?? 2 * D };
}

function assertAdaptive(method: OdeMethod): asserts method is AdaptiveMethod {
  if (adaptiveMethods.some((known) => known === method)) return;
  fail({
    code: "E_ODE_METHOD",
    where: "neural-ode.method",
    expected: `one with an error estimate (${adaptiveMethods.join(" or ")}) for adaptive steps`,
    got: method,
  });
}

const params = ({ D, F }: ReturnType<typeof dims>) => ({
  inward: matrix(D, F),
  inwardBias: bias(F),
  clock: vector(F),
  outward: matrix(F, D, { init: "residual" }),
  outwardBias: bias(D),
});
type P = Weights<ReturnType<typeof params>>;

export const neuralOde = defineChannel({
  kind: "neural-ode",
  title: "Neural ODE",
  cite: { arxiv: "1806.07366", by: "Chen et al. 2018" },
  equations: ["z' = W_2 tanh(W_1 z + b_1 + t c) + b_2,  z(0) = x", "out = z(1) − x"],
  config,
  dims,
  params,
  tune: [{ key: "hidden", unit: 1 }],
  capabilities: ({ adaptive, gradient }) => ({
    flow: "causal",
    length: "any",
    batch: "independent",
    smooth: adaptive || gradient === "adjoint" ? "surrogate" : "everywhere",
    exact: "bitwise",
  }),
  forward(x, { c, d: { D }, p }) {
    const rows = x.reshape([-1, D]);
    return { y: journey(rows, c, p).sub(rows).reshape(x.shape) };
  },
});

/** Where each row is at time 1. */
function journey(rows: Tensor, c: C, p: P): Tensor {
  const parameters = [p.inward, p.inwardBias, p.clock, p.outward, p.outwardBias];
  const times = c.adaptive
    ? constant([0, 1], [2])
    : iota(c.steps + 1)
        .cast("f32")
        .div(c.steps);
  const solver = solverOf(c);
  if (c.gradient === "adjoint") {
    const slopes = (t: Tensor, z: Tensor, own: readonly Tensor[]) =>
      field(
        t,
        z,
        parameters.map((w, i) => ({ ...w, tensor: own[i]! })),
      );
    return solveWithAdjoint({
      field: slopes,
      start: rows,
      parameters: parameters.map(value),
      times,
      solver,
      back: solverOf(c, "all"),
    });
  }
  const problem = { field: (t: Tensor, [z]: readonly Tensor[]) => [field(t, z!, parameters)], z: [rows], times };
  const found = "rtol" in solver ? solveAdaptive(problem, solver.method, solver) : solveBetween(problem, solver.method);
  return found[0]!.at(0, -1);
}

/** W_2 tanh(W_1 z + b_1 + t c) + b_2, parameters in this order: W_1, b_1, c, W_2, b_2. */
function field(t: Tensor, z: Tensor, parameters: readonly Weight[]): Tensor {
  const [inward, inwardBias, clock, outward, outwardBias] = parameters as readonly [
    Weight,
    Weight,
    Weight,
    Weight,
    Weight,
  ];
  const inner = linear(z, inward, inwardBias).add(value(clock).mul(t));
  return linear(inner.tanh(), outward, outwardBias);
}

/** Steps of rows are their own, where the solution goes forward. */
function solverOf(
  { adaptive, method, rtol, atol, maxSteps }: C,
  norm: "rows" | "all" = "rows",
): AdjointProblem["solver"] {
  if (!adaptive) return { method };
  assertAdaptive(method);
  return { method, rtol, atol, maxSteps, norm };
}
