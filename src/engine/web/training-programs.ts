import { input, inputsOf, type Program, type Shape, scalar, sizeOf, type Tensor, zeros } from "../../tensor/index.ts";
import type { TrainedParameter, TrainerDefinition, UpdateInputs, UpdateRule } from "../engine.ts";
import { scalarOf, slotShapesOf } from "../kernels/rule-program.ts";

/** Names of values in the programs below: an optimizer slot, a sum of gradients, a number of `step`, a parameter's next value. */
export const nameOf = {
  slot: (slot: string, parameter: string) => `slot:${slot}:${parameter}`,
  sum: (parameter: string) => `sum:${parameter}`,
  scalar: (name: string) => `scalar:${name}`,
  next: (state: string) => `next:${state}`,
};

/** Slots of one parameter: the name of each in the programs, and its shape. */
export function slotsOf({ name, shape, rule: own }: TrainedParameter, { rule }: TrainerDefinition): [string, Shape][] {
  return Object.entries(slotShapesOf(own ?? rule, shape)).map(([slot, slotShape]) => [
    nameOf.slot(slot, name),
    slotShape,
  ]);
}

/** Forward, backward and update in one: outputs of the program but its gradients, `gradNorm`, and `next:…` of all state. */
export function stepProgram(definition: TrainerDefinition): Program {
  return { outputs: { ...plainOutputs(definition), ...updateOutputs(definition, gradientsOf(definition)) } };
}

/** Forward and backward: outputs of the program but its gradients, and `next:sum:…` = `sum:…` + `share` · gradient. */
export function accumulateProgram(definition: TrainerDefinition): Program {
  const share = input("share", []);
  const sums = [...gradientsOf(definition)].map(([{ name, shape }, gradient]) => {
    const sum = nameOf.sum(name);
    return [nameOf.next(sum), input(sum, shape).add(gradient.mul(share))] as const;
  });
  return { outputs: { ...plainOutputs(definition), ...Object.fromEntries(sums) } };
}

/** The update alone, from the gradients in `sum:…`. */
export function updateProgram(definition: TrainerDefinition): Program {
  const sums = updated(definition).map((one) => [one, input(nameOf.sum(one.name), one.shape)] as const);
  return { outputs: updateOutputs({ ...definition, program: { outputs: {} } }, new Map(sums)) };
}

type Gradients = ReadonlyMap<TrainedParameter, Tensor>;

/** Parameters without elements have nothing to update. */
const updated = ({ parameters }: TrainerDefinition) => parameters.filter(({ shape }) => sizeOf(shape) > 0);

function gradientsOf(definition: TrainerDefinition): Gradients {
  const { outputs } = definition.program;
  return new Map(updated(definition).map((one) => [one, outputs[`grad:${one.name}`] ?? zeros(one.shape)]));
}

function plainOutputs({ program }: TrainerDefinition): Program["outputs"] {
  return Object.fromEntries(Object.entries(program.outputs).filter(([name]) => !name.startsWith("grad:")));
}

/** Squares are summed in f32: a norm above 1e19 is infinite, and its step is not taken. */
function updateOutputs(definition: TrainerDefinition, gradients: Gradients): Record<string, Tensor> {
  const squares = [...gradients.values()].map((gradient) => gradient.square().sum());
  const gradNorm = squares.reduce((sum, square) => sum.add(square), scalar(0)).sqrt();
  const leaves = leavesOf(definition, gradScaleOf(gradNorm, definition.clipNorm));
  const members = [...gradients].map(([one, g]) => memberOf(one, { definition, g, ...leaves }));
  const totals = totalsOf(members);
  return Object.assign({ gradNorm }, ...members.map((member) => nextState(member, totals.get(member.rule) ?? {})));
}

const gradScaleOf = (gradNorm: Tensor, clipNorm: number | undefined): Tensor =>
  clipNorm === undefined ? scalar(1) : gradNorm.add(1e-6).reciprocal().mul(clipNorm).minimum(1);

interface Leaves {
  state(name: string, shape: Shape): Tensor;
  /** A number of `step`, or the factor by which gradients are clipped. */
  number(name: string): Tensor;
}

/** One input per name, those of the program itself among them. */
function leavesOf({ program }: TrainerDefinition, gradScale: Tensor): Leaves {
  const known = inputsOf(program);
  const leaf = (name: string, shape: Shape): Tensor => {
    const found = known.get(name) ?? input(name, shape);
    known.set(name, found);
    return found;
  };
  return { state: leaf, number: (name) => (name === "gradScale" ? gradScale : leaf(nameOf.scalar(name), [])) };
}

/** A parameter, its rule, and what the rule is applied to. */
interface Member {
  name: string;
  rule: UpdateRule;
  at: UpdateInputs;
}

function memberOf(
  { name, shape, scalars: own, rule: ownRule }: TrainedParameter,
  { definition, g, state, number }: Leaves & { definition: TrainerDefinition; g: Tensor },
): Member {
  const rule = ownRule ?? definition.rule;
  const shapes = Object.entries(slotShapesOf(rule, shape));
  const slots = Object.fromEntries(shapes.map(([slot, of]) => [slot, state(nameOf.slot(slot, name), of)]));
  const scalars = Object.fromEntries(
    rule.scalars.map((key) => [key, key in own ? scalar(scalarOf(key, own)) : number(key)]),
  );
  return { name, rule, at: { p: state(name, shape), g, slots, scalars } };
}

type Totals = Readonly<Record<string, Tensor>>;

/** The totals of every rule that has some, over the parameters as they are. */
function totalsOf(members: readonly Member[]): ReadonlyMap<UpdateRule, Totals> {
  const totals = new Map<UpdateRule, Totals>();
  for (const { rule, at } of members) {
    const [terms, before] = [rule.totals?.terms(at) ?? {}, totals.get(rule)];
    const sums = Object.entries(terms).map(([name, term]) => [name, before?.[name]?.add(term.sum()) ?? term.sum()]);
    totals.set(rule, Object.fromEntries(sums));
  }
  return totals;
}

function nextState({ name, rule, at }: Member, totals: Totals): Record<string, Tensor> {
  const next = rule.update({ ...at, scalars: { ...at.scalars, ...totals } });
  const nextSlots = Object.keys(at.slots).map(
    (slot) => [nameOf.next(nameOf.slot(slot, name)), next.slots[slot]!] as const,
  );
  return { [nameOf.next(name)]: next.p, ...Object.fromEntries(nextSlots) };
}
