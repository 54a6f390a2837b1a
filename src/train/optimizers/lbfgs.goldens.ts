import { compileReference } from "../../engine/index.ts";
import { grad } from "../../grad/index.ts";
import type { Computed, GoldenAdapter, GoldenCase } from "../../testing/goldens/index.ts";
import { Lbfgs, type Objective } from "./lbfgs.ts";

/** Logistic regression with a little L2, as the notes say: mean softplus(z) − y·z, z = x·w + b, and 0.005·|w|². */
function objectiveOf(c: GoldenCase): Objective {
  const [x, y, w, b] = [c.tensor("in.x"), c.tensor("in.y"), c.tensor("param.weight"), c.tensor("param.bias")];
  const z = x.mul(w).sum(-1).add(b);
  const loss = z.softplus().sub(y.mul(z)).mean().add(w.square().sum().mul(0.005));
  const program = compileReference([loss, ...(grad(loss, [w, b]) as [typeof w, typeof b])]);
  return (at) => {
    const feeds = { "in.x": c.values("in.x"), "in.y": c.values("in.y") };
    const parameters = { "param.weight": at.subarray(0, w.size), "param.bias": at.subarray(w.size) };
    const [value, dw, db] = program.run({ ...feeds, ...parameters });
    return { loss: value![0]!, gradient: Float64Array.of(...dw!, ...db!) };
  };
}

async function compute(c: GoldenCase): Promise<Computed> {
  const optimizer = new Lbfgs({
    learningRate: c.number("lr"),
    iterations: c.number("max_iter"),
    history: c.number("history_size"),
    lineSearch: c.text("line_search_fn", "none") === "strong_wolfe" ? "strong-wolfe" : "none",
    gradientTolerance: c.number("tolerance_grad"),
    changeTolerance: c.number("tolerance_change"),
  });
  const objective = objectiveOf(c);
  const size = c.number("dims");
  let x = Float64Array.of(...c.values("param.weight"), ...c.values("param.bias"));
  const [weights, biases, losses]: [number[], number[], number[]] = [[], [], []];
  for (let call = 0; call < c.number("calls"); call++) {
    const next = await optimizer.step(x, objective);
    x = Float64Array.from(next.x);
    weights.push(...x.subarray(0, size));
    biases.push(...x.subarray(size));
    losses.push(next.loss);
  }
  return { "out.weight": weights, "out.bias": biases, "out.loss": losses };
}

export const adapters: readonly GoldenAdapter[] = [{ kind: "optim", component: "lbfgs", compute }];
