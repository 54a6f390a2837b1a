import { fail, input, type Program, type Shape } from "../../tensor/index.ts";
import type { UpdateInputs, UpdateRule } from "../engine.ts";

/** The slots of a parameter of this shape, with their shapes. */
export function slotShapesOf(rule: UpdateRule, shape: Shape): Readonly<Record<string, Shape>> {
  return rule.slotShapes?.(shape) ?? Object.fromEntries(rule.slots.map((name) => [name, shape]));
}

/**
 * A rule over one whole parameter: inputs `p`, `g`, `slot.…`, `scalar.…` (f32 [], totals among them); outputs `p` and `slot.…`,
 * the next values.
 */
export function ruleProgram(rule: UpdateRule, shape: Shape): Program {
  const next = rule.update(inputsAt(rule, shape, [...rule.scalars, ...(rule.totals?.names ?? [])]));
  const slots = Object.keys(slotShapesOf(rule, shape)).map((name) => [`slot.${name}`, next.slots[name]!] as const);
  return { outputs: { p: next.p, ...Object.fromEntries(slots) } };
}

/** What one parameter adds to its rule's totals: inputs as `ruleProgram`'s; one output (f32 []) per total. */
export function totalsProgram(rule: UpdateRule, shape: Shape): Program {
  const terms = rule.totals?.terms(inputsAt(rule, shape, rule.scalars)) ?? {};
  return { outputs: Object.fromEntries((rule.totals?.names ?? []).map((name) => [name, terms[name]!.sum()])) };
}

function inputsAt(rule: UpdateRule, shape: Shape, scalars: readonly string[]): UpdateInputs {
  const slots = Object.entries(slotShapesOf(rule, shape)).map(
    ([name, own]) => [name, input(`slot.${name}`, own)] as const,
  );
  const numbers = scalars.map((name) => [name, input(`scalar.${name}`, [])] as const);
  return {
    p: input("p", shape),
    g: input("g", shape),
    slots: Object.fromEntries(slots),
    scalars: Object.fromEntries(numbers),
  };
}

/** Adds up what parameters give to the totals of their rules, in f64. */
export class Totals<Rule> {
  private readonly sums = new Map<Rule, Record<string, number>>();

  add(rule: Rule, shares: Readonly<Record<string, ArrayLike<number>>>): void {
    const sums = this.sums.get(rule) ?? {};
    for (const [name, share] of Object.entries(shares)) sums[name] = (sums[name] ?? 0) + share[0]!;
    this.sums.set(rule, sums);
  }

  /** A rule's totals by name; none where it has none. */
  of(rule: Rule): Readonly<Record<string, number>> {
    return this.sums.get(rule) ?? {};
  }
}

/** The number of that name. Throws E_SCALAR where there is none. */
export function scalarOf(name: string, scalars: Readonly<Record<string, number>>): number {
  const got = Object.keys(scalars).join(", ");
  return scalars[name] ?? fail({ code: "E_SCALAR", where: "trainer.step", expected: `a number for "${name}"`, got });
}
