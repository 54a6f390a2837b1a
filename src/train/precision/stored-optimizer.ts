import type { UpdateRule } from "../../engine/index.ts";
import type { Optimizer } from "../optimizers/index.ts";
import type { PrecisionConfig } from "./config.ts";
import { roundTo } from "./round.ts";

/** Name of the number 1 among a rule's scalars, see `roundTo`. */
const one = "one";

/** An optimizer whose parameters (where no f32 copy is kept) and state are rounded after every update. */
export function storedOptimizer(optimizer: Optimizer, precision: PrecisionConfig): Optimizer {
  const { parameters, master, moments } = precision;
  if ((master || parameters === "f32") && moments === "f32") return optimizer;
  const wrapped = new Map<UpdateRule, UpdateRule>();
  const ruleOf = (rule: UpdateRule) => {
    const known = wrapped.get(rule) ?? storedRule(rule, precision, optimizer.evaluates);
    wrapped.set(rule, known);
    return known;
  };
  return {
    ...optimizer,
    of: (declaration) => {
      const { rule, scalars } = optimizer.of(declaration);
      return { rule: ruleOf(rule), scalars };
    },
    scalarsAt: (t) => ({ ...optimizer.scalarsAt(t), [one]: 1 }),
  };
}

function storedRule(
  rule: UpdateRule,
  { parameters, master, moments }: PrecisionConfig,
  average: string | undefined,
): UpdateRule {
  return {
    ...rule,
    scalars: [...rule.scalars, one],
    update(at) {
      const { p, slots } = rule.update(at);
      const unit = at.scalars[one]!;
      const stored = Object.entries(slots).map(([slot, value]) => [
        slot,
        slot === average ? value : roundTo(value, moments, unit),
      ]);
      return { p: master ? p : roundTo(p, parameters, unit), slots: Object.fromEntries(stored) };
    },
  };
}
