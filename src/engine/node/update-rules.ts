import { type Program, type Shape, sizeOf } from "../../tensor/index.ts";
import type { TrainedParameter, UpdateRule } from "../engine.ts";
import { ruleProgram, scalarOf, slotShapesOf, Totals, totalsProgram } from "../kernels/rule-program.ts";
import { compileUpdate, type UpdateKernel } from "../kernels/update.ts";
import type { Arena } from "./arena.ts";
import type { ArenaParameter } from "./arena-layout.ts";

/**
 * The rules of a trainer in a form that crosses to the worker: kernels, or models of whole tensors by their shape, those of
 * `totals` beside those of the update.
 */
export interface CompiledRules<Model> {
  parameters: ArenaParameter[];
  kernels: Map<number, UpdateKernel>;
  tensorRules: Map<number, { scalars: readonly string[]; models: Map<string, Model> }>;
}

const keyOf = (shape: Shape) => shape.join();
const totalsKeyOf = (shape: Shape) => `totals ${keyOf(shape)}`;

/** Compiles every distinct rule of the parameters; `emit` makes a model of a whole-tensor rule's program. */
export function compileRules<Model>(
  { parameters, rule: common }: { parameters: readonly TrainedParameter[]; rule: UpdateRule },
  emit: (program: Program) => Model,
): CompiledRules<Model> {
  const rules = [...new Set(parameters.map(({ rule }) => rule ?? common))];
  const compiled: CompiledRules<Model> = { parameters: [], kernels: new Map(), tensorRules: new Map() };
  rules.forEach((rule, place) => {
    if (rule.scope === "tensor") compiled.tensorRules.set(place, { scalars: rule.scalars, models: new Map() });
    else compiled.kernels.set(place, compileUpdate(rule));
  });
  for (const { rule: own, ...parameter } of parameters) {
    const rule = own ?? common;
    const place = rules.indexOf(rule);
    compiled.parameters.push({ ...parameter, rule: place, slots: slotShapesOf(rule, parameter.shape) });
    const models = compiled.tensorRules.get(place)?.models;
    const { shape } = parameter;
    if (models === undefined || models.has(keyOf(shape))) continue;
    models.set(keyOf(shape), emit(ruleProgram(rule, shape)));
    if (rule.totals) models.set(totalsKeyOf(shape), emit(totalsProgram(rule, shape)));
  }
  return compiled;
}

/** Values by name, each with its shape. */
export type Shaped = Readonly<Record<string, { data: Float32Array; shape: Shape }>>;

/** Runs a session on values; its outputs by name are new arrays. */
export type RunModel<Session> = (session: Session, feeds: Shaped) => Promise<Readonly<Record<string, Float32Array>>>;

interface TensorUpdate<Session> {
  rules: CompiledRules<Session>["tensorRules"];
  scalars: Readonly<Record<string, number>>;
  run: RunModel<Session>;
}

/**
 * Applies the whole-tensor rules, one session run a parameter, and copies what comes out into the arena; totals over the
 * parameters are taken first, by another run of each.
 */
export async function updateTensors<Session>(
  arena: Arena,
  { rules, scalars, run }: TensorUpdate<Session>,
): Promise<void> {
  const members = [...tensorMembers(arena, { rules, scalars })];
  const totals = new Totals<number>();
  for (const { place, models, shape, state, fixed } of members) {
    const model = models.get(totalsKeyOf(shape));
    if (model !== undefined) totals.add(place, await run(model, { ...state, ...fixed }));
  }
  for (const { place, models, shape, state, fixed } of members) {
    const next = await run(models.get(keyOf(shape))!, { ...state, ...fixed, ...scalarValues(totals.of(place)) });
    for (const [key, { data }] of Object.entries(state)) data.set(next[key]!);
  }
}

/** Parameters of whole-tensor rules: views of what the update moves (`state`), and what it is given besides (`fixed`). */
function* tensorMembers<Session>(arena: Arena, { rules, scalars }: Pick<TensorUpdate<Session>, "rules" | "scalars">) {
  for (const { rule: place, members, scalars: own } of arena.groups) {
    const rule = rules.get(place);
    if (rule === undefined) continue;
    const known = { ...scalars, ...own };
    const numbers = scalarValues(Object.fromEntries(rule.scalars.map((name) => [name, scalarOf(name, known)])));
    for (const { name, shape, slots } of members.filter((member) => sizeOf(member.shape) > 0)) {
      const state: Shaped = { p: { data: arena.view(name, "parameters"), shape }, ...slotViews(arena, name, slots) };
      const fixed: Shaped = { g: { data: arena.view(name, "gradients"), shape }, ...numbers };
      yield { place, models: rule.models, shape, state, fixed };
    }
  }
}

const scalarValues = (numbers: Readonly<Record<string, number>>): Shaped =>
  Object.fromEntries(
    Object.entries(numbers).map(([name, value]) => [`scalar.${name}`, { data: Float32Array.of(value), shape: [] }]),
  );

function slotViews(arena: Arena, name: string, slots: ArenaParameter["slots"]) {
  return Object.fromEntries(
    Object.entries(slots).map(([slot, shape]) => [`slot.${slot}`, { data: arena.view(name, { slot }), shape }]),
  );
}
