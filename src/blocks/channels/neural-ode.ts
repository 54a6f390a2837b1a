/**
 * Neural ODE: instead of a few layers, every token follows a learned differential equation from time 0 to 1; the sublayer's output
 * is how far it went. Axes: D model, F hidden.
 */
import { z } from "zod";
import {
  type AdaptiveMethod,
  adaptiveMethods,
  type OdeMethod,
  odeMethods,
  solveAdaptive,
  solveBetween,
} from "../../ops/index.ts";
import { constant, fail, iota, type Tensor } from "../../tensor/index.ts";
import { defineChannel } from "../define.ts";
import { bias, matrix, vector } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";

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
  capabilities: ({ adaptive }) => ({
    flow: "causal",
    length: "any",
    batch: "independent",
    smooth: adaptive ? "surrogate" : "everywhere",
    exact: "bitwise",
  }),
  forward(x, { c, d: { D }, p }) {
    const rows = x.reshape([-1, D]);
    return { y: journey(rows, c, p).sub(rows).reshape(x.shape) };
  },
});

/** Where each row is at time 1. */
function journey(rows: Tensor, c: C, p: P): Tensor {
  const field = (t: Tensor, [z]: readonly Tensor[]) => {
    const inner = linear(z!, p.inward, p.inwardBias).add(value(p.clock).mul(t));
    return [linear(inner.tanh(), p.outward, p.outwardBias)];
  };
  const problem = { field, z: [rows] };
  if (!c.adaptive) {
    const times = iota(c.steps + 1)
      .cast("f32")
      .div(c.steps);
    return solveBetween({ ...problem, times }, c.method)[0]!.at(0, -1);
  }
  const { method, rtol, atol, maxSteps } = c;
  assertAdaptive(method);
  const tolerance = { rtol, atol, maxSteps, norm: "rows" } as const;
  return solveAdaptive({ ...problem, times: constant([0, 1], [2]) }, method, tolerance)[0]!.at(0, -1);
}
