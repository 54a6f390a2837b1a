import type { ParameterDeclaration } from "../../blocks/index.ts";
import type { UpdateInputs, UpdateRule } from "../../engine/index.ts";
import { scalar, type Tensor } from "../../tensor/index.ts";
import type { AnyOptimizer, RateAt, RateConfig } from "./define.ts";
import { emaShare, withEma } from "./ema.ts";
import type { CommonConfig } from "./fields.ts";
import { seenGradient } from "./gradient.ts";
import { decayed } from "./weight-decay.ts";

type Numbers = Record<string, number>;

/** A definition with its settings. */
interface Composition {
  definition: AnyOptimizer;
  c: RateConfig;
  common: CommonConfig;
  /** Factor of the learning rate at step t = 1, 2, …. */
  factor: RateAt;
  /** Before the names of this rule's numbers: sets them apart from another rule's of the same step. */
  prefix: string;
}

/** An update rule, its numbers of every step, and those of a parameter's group. */
export interface Composed {
  rule: UpdateRule;
  scalarsAt(t: number): Numbers;
  groupScalars(role: ParameterDeclaration["role"]): Numbers;
}

/** Joins a definition with what all optimizers share: clipping, weight decay, settings by role, averaging. */
export function compose(at: Composition): Composed {
  const { common, prefix } = at;
  const stepNumbers = stepNumbersOf(at);
  const groupNumbers = groupNumbersOf(at);
  const names = [...Object.keys(stepNumbers(1)), ...Object.keys(groupNumbers("matrix"))];
  const rule = ruleOf(at, names);
  const averaging = (t: number): Numbers => (common.ema === null ? {} : { emaShare: emaShare(common.ema, t) });
  return {
    rule: common.ema === null ? rule : withEma(rule),
    scalarsAt: (t) => ({ ...prefixed(stepNumbers(t), prefix), ...averaging(t) }),
    groupScalars: (role) => prefixed(groupNumbers(role), prefix),
  };
}

function ruleOf(composition: Composition, names: readonly string[]): UpdateRule {
  const { definition, c, prefix } = composition;
  const { scope = "element", slots, slotShapes, totals } = definition;
  return {
    scope: typeof scope === "function" ? scope(c as never) : scope,
    slots: typeof slots === "function" ? slots(c as never) : slots,
    ...(slotShapes && { slotShapes: (shape) => slotShapes(shape, c as never) as Record<string, typeof shape> }),
    scalars: ["gradScale", ...names.map((name) => prefix + name)],
    ...(totals && {
      totals: {
        names: totals.names,
        terms: (at) => totals.terms(seen(at, { ...composition, names, totals: {} })) as Record<string, Tensor>,
      },
    }),
    update(at) {
      const sums = Object.fromEntries((totals?.names ?? []).map((name) => [name, at.scalars[name]!]));
      const { p, slots: next } = definition.update(seen(at, { ...composition, names, totals: sums }));
      return { p, slots: next as Record<string, Tensor> };
    },
  };
}

/** What a definition's expressions see of a parameter: its gradient clipped, weight decay applied, numbers by their own names. */
function seen(
  at: UpdateInputs,
  { c, common, prefix, names, totals }: Composition & { names: readonly string[]; totals: Record<string, Tensor> },
) {
  const own = Object.fromEntries(names.map((name) => [name, at.scalars[prefix + name]!]));
  const scalars = { ...rated(own), ...totals };
  const moved = { p: at.p, g: seenGradient(at.g, at.scalars["gradScale"]!, common), scalars };
  return { ...at, ...decayed(moved, decayForm(c)), scalars, c: c as never };
}

/** The numbers that an update reads: the rate of its group, and a weight decay of 0 where nothing decays. */
function rated(scalars: Record<string, Tensor>) {
  const { learningRate, rateRatio, weightDecay = scalar(0) } = scalars;
  return { ...scalars, learningRate: rateRatio ? learningRate!.mul(rateRatio) : learningRate!, weightDecay };
}

/** The config's `decay`, where some parameter decays. */
const decayForm = (c: RateConfig): unknown => ("decay" in c ? c.decay : undefined);

function stepNumbersOf({ definition, c, factor }: Composition): (t: number) => Numbers {
  const rate = (t: number) => c.learningRate * factor(t);
  const own = definition.scalarsAt?.(c as never, rate) ?? (() => ({}));
  return (t) => ({ ...own(t), learningRate: rate(t), factor: factor(t) });
}

/** Names of a group's numbers are the same for every role. */
function groupNumbersOf({
  c,
  common: { roles, decayAll },
}: Composition): (role: ParameterDeclaration["role"]) => Numbers {
  const decays = c.weightDecay > 0 || Object.values(roles).some((settings) => (settings.weightDecay ?? 0) > 0);
  const decayOf = (role: ParameterDeclaration["role"]) =>
    roles[role]?.weightDecay ?? (decayAll || role === "matrix" ? c.weightDecay : 0);
  const rated = Object.keys(roles).length > 0;
  return (role) => ({
    ...(decays && { weightDecay: decayOf(role) }),
    ...(rated && { rateRatio: roles[role]?.rateRatio ?? 1 }),
  });
}

const prefixed = (numbers: Readonly<Numbers>, prefix: string): Numbers =>
  Object.fromEntries(Object.entries(numbers).map(([name, value]) => [prefix + name, value]));
