import { fail, input, type Program, type Shape } from "../../tensor/index.ts";
import type { UpdateRule } from "../engine.ts";

/** The slots of a parameter of this shape, with their shapes. */
export function slotShapesOf(rule: UpdateRule, shape: Shape): Readonly<Record<string, Shape>> {
  return rule.slotShapes?.(shape) ?? Object.fromEntries(rule.slots.map((name) => [name, shape]));
}

/** A rule over one whole parameter: inputs `p`, `g`, `slot.…`, `scalar.…` (f32 []); outputs `p` and `slot.…`, the next values. */
export function ruleProgram(rule: UpdateRule, shape: Shape): Program {
  const shapes = Object.entries(slotShapesOf(rule, shape));
  const slots = Object.fromEntries(shapes.map(([name, own]) => [name, input(`slot.${name}`, own)]));
  const scalars = Object.fromEntries(rule.scalars.map((name) => [name, input(`scalar.${name}`, [])]));
  const next = rule.update({ p: input("p", shape), g: input("g", shape), slots, scalars });
  return { outputs: { p: next.p, ...Object.fromEntries(shapes.map(([name]) => [`slot.${name}`, next.slots[name]!])) } };
}

/** The number of that name. Throws E_SCALAR where there is none. */
export function scalarOf(name: string, scalars: Readonly<Record<string, number>>): number {
  const got = Object.keys(scalars).join(", ");
  return scalars[name] ?? fail({ code: "E_SCALAR", where: "trainer.step", expected: `a number for "${name}"`, got });
}
