import type { ParameterDeclaration } from "../../blocks/index.ts";
import type { UpdateRule } from "../../engine/index.ts";
import { type Composed, compose } from "./compose.ts";
import type { RateAt } from "./define.ts";
import { type OptimizerConfig, optimizers } from "./registry.ts";

/** An optimizer set up for a run. */
export interface Optimizer {
  /** How a parameter is trained: its rule, and the numbers of its group. */
  of(declaration: Pick<ParameterDeclaration, "role">): { rule: UpdateRule; scalars: Record<string, number> };
  /** What the trainer's `step` is given at step t = 1, 2, …. */
  scalarsAt(t: number): Record<string, number>;
  /** The slot to evaluate in place of the parameters, where there is one. */
  evaluates: string | undefined;
}

/** Sets up an optimizer; `factor` is that of the learning rate at step t = 1, 2, … (a schedule). */
export function createOptimizer(c: OptimizerConfig, factor: RateAt = () => 1): Optimizer {
  const definition = optimizers.get(c.kind)!;
  const main = compose({ definition, c, common: c, factor, prefix: "" });
  const second = definition.others?.(c as never);
  const others = second && compose({ ...second, common: c, factor, prefix: "others." });
  const composedOf = (role: ParameterDeclaration["role"]): Composed => (others && role !== "matrix" ? others : main);
  return {
    of: ({ role }) => ({ rule: composedOf(role).rule, scalars: composedOf(role).groupScalars(role) }),
    scalarsAt: (t) => ({ ...others?.scalarsAt(t), ...main.scalarsAt(t) }),
    evaluates: c.ema === null ? definition.evaluates : "ema",
  };
}
