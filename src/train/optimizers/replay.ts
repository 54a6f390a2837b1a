import type { ParameterDeclaration } from "../../blocks/index.ts";
import {
  compileReference,
  ruleProgram,
  slotShapesOf,
  Totals,
  totalsProgram,
  type UpdateRule,
} from "../../engine/index.ts";
import { type Shape, sizeOf } from "../../tensor/index.ts";
import { createOptimizer, type Optimizer } from "./create.ts";
import type { RateAt } from "./define.ts";
import type { OptimizerConfig } from "./registry.ts";

/** Starting values and the gradients of steps t = 1, 2, …, which do not depend on where the parameters are. */
export interface Trajectory {
  start: Readonly<Record<string, { shape: Shape; role: ParameterDeclaration["role"]; values: ArrayLike<number> }>>;
  gradient(name: string, t: number): ArrayLike<number>;
  /** Slots that the loop writes before step t. */
  written?(name: string, t: number): Readonly<Record<string, Float64Array>>;
  steps: number;
}

/** Parameters and slots after one step, by parameter name (`p` among the slots is the parameter). */
export type ReplayedStep = Readonly<Record<string, Readonly<Record<string, Float64Array>>>>;

/** An optimizer over given gradients, all in f64 on the reference engine: what kernels and goldens are compared with. */
export function replay(c: OptimizerConfig, trajectory: Trajectory, factor?: RateAt): ReplayedStep[] {
  const optimizer = createOptimizer(c, factor);
  const trained = Object.entries(trajectory.start).map(([name, from]) => trainedOf(name, from, optimizer));
  return Array.from({ length: trajectory.steps }, (_, i) => {
    const t = i + 1;
    const gradients = trained.map(({ name }) => trajectory.gradient(name, t));
    const numbers = { ...optimizer.scalarsAt(t), gradScale: gradScale(gradients, c.clipNorm) };
    for (const { name, state } of trained) Object.assign(state, trajectory.written?.(name, t));
    const totals = new Totals<UpdateRule>();
    for (const [j, parameter] of trained.entries())
      totals.add(parameter.rule, sharesOf(parameter, gradients[j]!, numbers));
    for (const [j, parameter] of trained.entries())
      advance(parameter, gradients[j]!, { ...numbers, ...totals.of(parameter.rule) });
    return Object.fromEntries(trained.map(({ name, state }) => [name, { ...state }]));
  });
}

function trainedOf(name: string, { shape, role, values }: Trajectory["start"][string], optimizer: Optimizer) {
  const { rule, scalars } = optimizer.of({ role });
  const slots = Object.entries(slotShapesOf(rule, shape)).map(
    ([slot, own]) => [slot, new Float64Array(sizeOf(own))] as const,
  );
  const state: Record<string, Float64Array> = { p: Float64Array.from(values), ...Object.fromEntries(slots) };
  const update = compileReference(Object.values(ruleProgram(rule, shape).outputs));
  const totals = compileReference(Object.values(totalsProgram(rule, shape).outputs));
  return { name, rule, scalars, state, update, totals };
}

type Trained = ReturnType<typeof trainedOf>;
type Numbers = Readonly<Record<string, number>>;

/** What a parameter adds to its rule's totals. */
function sharesOf({ rule, totals, ...parameter }: Trained, gradient: ArrayLike<number>, numbers: Numbers) {
  const shares = totals.run(feedsOf(parameter, gradient, numbers));
  return Object.fromEntries((rule.totals?.names ?? []).map((name, i) => [name, shares[i]!]));
}

function advance({ state, scalars, update }: Trained, gradient: ArrayLike<number>, numbers: Numbers): void {
  const next = update.run(feedsOf({ state, scalars }, gradient, numbers));
  for (const [i, key] of Object.keys(state).entries()) state[key] = next[i]!;
}

function feedsOf(
  { state, scalars }: Pick<Trained, "state" | "scalars">,
  g: ArrayLike<number>,
  numbers: Numbers,
): Record<string, ArrayLike<number>> {
  const { p, ...slots } = state;
  return { p: p!, g, ...under("slot.", slots), ...under("scalar.", listed({ ...numbers, ...scalars })) };
}

/** min(1, largest/(‖g‖ + 1e-6)) over all gradients, as trainers clip. */
function gradScale(gradients: readonly ArrayLike<number>[], largest: number | null): number {
  if (largest === null) return 1;
  const squares = gradients.reduce((sum, g) => Array.from(g).reduce((s, x) => s + x * x, sum), 0);
  return Math.min(1, largest / (Math.sqrt(squares) + 1e-6));
}

const listed = (numbers: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, [value]]));
const under = <T>(prefix: string, values: Readonly<Record<string, T>>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));
