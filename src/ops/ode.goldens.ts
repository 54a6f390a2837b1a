/** torchdiffeq's solvers on z' = l₂ tanh(l₁ z + t c); with `adjoint` its gradients are those of the continuous adjoint. */
import { runReference } from "../engine/index.ts";
import { vjp } from "../grad/index.ts";
import { constant, type Tensor } from "../tensor/index.ts";
import type { Computed, GoldenAdapter, GoldenCase } from "../testing/goldens/index.ts";
import { solveAdaptive, solveBetween, solveOnGrid } from "./ode.ts";
import { adjointGradients } from "./ode-adjoint.ts";
import type { OdeMethod } from "./runge-kutta.ts";

const names = ["c", "l1.weight", "l1.bias", "l2.weight", "l2.bias"];

/** Steps between two times at the sources' tolerances. */
const attempts: Partial<Record<OdeMethod, number>> = { bosh3: 1600, dopri5: 60 };

function compute(c: GoldenCase): Computed {
  const at = (name: string) => c.tensor(`param.${name}`);
  const field = (t: Tensor, z: Tensor) => {
    const inner = z.matmul(at("l1.weight"), { transB: true }).add(at("l1.bias")).add(at("c").mul(t)).tanh();
    return inner.matmul(at("l2.weight"), { transB: true }).add(at("l2.bias"));
  };
  const problem = {
    field: (t: Tensor, [z]: readonly Tensor[]) => [field(t, z!)],
    z: [c.tensor("in.z0")],
    times: c.tensor("in.t"),
  };
  const method = c.text("method") as OdeMethod;
  const adaptive = method === "bosh3" || method === "dopri5";
  const tolerance = {
    rtol: c.number("rtol", 0),
    atol: c.number("atol", 0),
    maxSteps: attempts[method] ?? 0,
    norm: "all",
  } as const;
  const [z] = adaptive
    ? solveAdaptive(problem, method, tolerance)
    : c.config["step_size"] === undefined
      ? solveBetween(problem, method)
      : solveOnGrid(problem, method, { size: c.number("step_size"), values: c.values("in.t") });
  const cotangents = constant(c.values("cot.z"), c.stored["cot.z"]!.shape).transpose([1, 0, 2]);
  const wanted = c.names("grad.");
  const leaves = wanted.map((name) => c.tensor(name.slice("grad.".length)));
  const gradients = c.flag("adjoint")
    ? byAdjoint({ c, field, z: z!, cotangents, wanted, solver: adaptive ? { method, ...tolerance } : { method } })
    : vjp([z!], [cotangents], leaves);
  const feeds = Object.fromEntries([...c.leaves.keys()].map((name) => [name, c.values(name)]));
  const [values, ...rest] = runReference([z!.transpose([1, 0, 2]), ...gradients.map((gradient) => gradient!)], feeds);
  return { "out.z": values!, ...Object.fromEntries(wanted.map((name, i) => [name, rest[i]!])) };
}

interface Adjoint {
  c: GoldenCase;
  field: (t: Tensor, z: Tensor) => Tensor;
  z: Tensor;
  cotangents: Tensor;
  wanted: readonly string[];
  solver: Parameters<typeof adjointGradients>[0]["solver"];
}

function byAdjoint({ c, field, z, cotangents, wanted, solver }: Adjoint): Tensor[] {
  const parameters = names.map((name) => c.tensor(`param.${name}`));
  const found = adjointGradients({ field, parameters, times: c.tensor("in.t"), z, cotangents, solver });
  const named: Record<string, Tensor> = { "grad.in.z0": found.start, "grad.in.t": found.times };
  for (const [i, name] of names.entries()) named[`grad.param.${name}`] = found.parameters[i]!;
  return wanted.map((name) => named[name]!);
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "blocks", component: "neural_ode", compute }];
