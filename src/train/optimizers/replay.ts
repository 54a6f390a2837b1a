import type { ParameterDeclaration } from "../../blocks/index.ts";
import { compileReference } from "../../engine/index.ts";
import { ruleProgram, slotShapesOf } from "../../engine/kernels/rule-program.ts";
import { type Shape, sizeOf } from "../../tensor/index.ts";
import { createOptimizer } from "./create.ts";
import type { RateAt } from "./define.ts";
import type { OptimizerConfig } from "./registry.ts";

/** Starting values and the gradients of steps t = 1, 2, …, which do not depend on where the parameters are. */
export interface Trajectory {
  start: Readonly<Record<string, { shape: Shape; role: ParameterDeclaration["role"]; values: ArrayLike<number> }>>;
  gradient(name: string, t: number): ArrayLike<number>;
  steps: number;
}

/** Parameters and slots after one step, by parameter name (`p` among the slots is the parameter). */
export type ReplayedStep = Readonly<Record<string, Readonly<Record<string, Float64Array>>>>;

/** An optimizer over given gradients, all in f64 on the reference engine: what kernels and goldens are compared with. */
export function replay(c: OptimizerConfig, { start, gradient, steps }: Trajectory, factor?: RateAt): ReplayedStep[] {
  const optimizer = createOptimizer(c, factor);
  const trained = Object.entries(start).map(([name, { shape, role, values }]) => {
    const { rule, scalars } = optimizer.of({ role });
    const { outputs } = ruleProgram(rule, shape);
    const slots = Object.entries(slotShapesOf(rule, shape)).map(([slot, own]) => [slot, new Float64Array(sizeOf(own))] as const);
    const state: Record<string, Float64Array> = { p: Float64Array.from(values), ...Object.fromEntries(slots) };
    return { name, scalars, state, keys: Object.keys(state), update: compileReference(Object.values(outputs)) };
  });
  return Array.from({ length: steps }, (_, i) => {
    const gradients = trained.map(({ name }) => gradient(name, i + 1));
    const numbers = { ...optimizer.scalarsAt(i + 1), gradScale: gradScale(gradients, c.clipNorm) };
    trained.forEach(({ scalars, state, keys, update }, j) => {
      const { p, ...slots } = state;
      const next = update.run({ p: p!, g: gradients[j]!, ...under("slot.", slots), ...under("scalar.", listed({ ...numbers, ...scalars })) });
      keys.forEach((key, k) => void (state[key] = next[k]!));
    });
    return Object.fromEntries(trained.map(({ name, state }) => [name, { ...state }]));
  });
}

/** min(1, largest/(‖g‖ + 1e-6)) over all gradients, as trainers clip. */
function gradScale(gradients: readonly ArrayLike<number>[], largest: number | null): number {
  if (largest === null) return 1;
  const squares = gradients.reduce((sum, g) => Array.from(g).reduce((s, x) => s + x * x, sum), 0);
  return Math.min(1, largest / (Math.sqrt(squares) + 1e-6));
}

const listed = (numbers: Readonly<Record<string, number>>) => Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, [value]]));
const under = <T>(prefix: string, values: Readonly<Record<string, T>>) => Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));
