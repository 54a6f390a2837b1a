import { type Program, type Shape, sizeOf } from "../../tensor/index.ts";
import type { TrainedParameter, UpdateRule } from "../engine.ts";
import { ruleProgram, scalarOf, slotShapesOf } from "../kernels/rule-program.ts";
import { compileUpdate, type UpdateKernel } from "../kernels/update.ts";
import type { Arena } from "./arena.ts";
import type { ArenaParameter } from "./arena-layout.ts";

/** The rules of a trainer in a form that crosses to the worker: kernels, or models of whole tensors by their shape. */
export interface CompiledRules<Model> {
  parameters: ArenaParameter[];
  kernels: Map<number, UpdateKernel>;
  tensorRules: Map<number, { scalars: readonly string[]; models: Map<string, Model> }>;
}

const keyOf = (shape: Shape) => shape.join();

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
    if (models && !models.has(keyOf(parameter.shape)))
      models.set(keyOf(parameter.shape), emit(ruleProgram(rule, parameter.shape)));
  }
  return compiled;
}

/** Values by name, each with its shape. */
export type Shaped = Readonly<Record<string, { data: Float32Array; shape: Shape }>>;

/** Runs a session on values; its outputs by name are new arrays. */
export type RunModel<Session> = (session: Session, feeds: Shaped) => Promise<Readonly<Record<string, Float32Array>>>;

/** Applies the whole-tensor rules, one session run a parameter, and copies what comes out into the arena. */
export async function updateTensors<Session>(
  arena: Arena,
  {
    rules,
    scalars,
    run,
  }: {
    rules: CompiledRules<Session>["tensorRules"];
    scalars: Readonly<Record<string, number>>;
    run: RunModel<Session>;
  },
): Promise<void> {
  for (const { rule: place, members, scalars: own } of arena.groups) {
    const rule = rules.get(place);
    if (rule === undefined) continue;
    const numbers = rule.scalars.map(
      (name) =>
        [`scalar.${name}`, { data: Float32Array.of(scalarOf(name, { ...scalars, ...own })), shape: [] }] as const,
    );
    for (const { name, shape, slots } of members.filter((member) => sizeOf(member.shape) > 0)) {
      const state = { p: { data: arena.view(name, "parameters"), shape }, ...slotViews(arena, name, slots) };
      const feeds = { ...state, g: { data: arena.view(name, "gradients"), shape }, ...Object.fromEntries(numbers) };
      const next = await run(rule.models.get(keyOf(shape))!, feeds);
      for (const [key, { data }] of Object.entries(state)) data.set(next[key]!);
    }
  }
}

function slotViews(arena: Arena, name: string, slots: ArenaParameter["slots"]) {
  return Object.fromEntries(
    Object.entries(slots).map(([slot, shape]) => [`slot.${slot}`, { data: arena.view(name, { slot }), shape }]),
  );
}
