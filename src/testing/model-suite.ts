/** Laws of whole models, read off what a built model declares. */
import { afterAll, beforeAll, expect } from "vitest";
import { decodeSafetensors } from "../checkpoints/index.ts";
import type { Engine } from "../engine/index.ts";
import { initialise, type ModelSpec, parameterCount } from "../model/index.ts";
import { type BuiltModel, buildSpec, canonicalSpec } from "../spec/index.ts";
import { type Law, runLaws } from "./law.ts";
import {
  B,
  type CompiledModel,
  compileModel,
  loadFile,
  loadStart,
  pathsRead,
  type Rows,
  randomRows,
  startFile,
  T,
} from "./model-trial.ts";
import { nativeEngine } from "./native.ts";

export interface ModelRig {
  spec: ModelSpec;
  built: BuiltModel;
  engine: Engine;
  compiled: CompiledModel;
}

/** Largest change, relative to the largest value, that rounding may make where sums are of the same terms. */
const rounding = 1e-5;

/** Every law of models, for a spec of small sizes; `tokens` ids are the tokenizer's. */
export function modelSuite(spec: ModelSpec, { tokens = 11 }: { tokens?: number } = {}): void {
  const rig = { spec, built: buildSpec(spec, { tokens }), engine: nativeEngine() } as ModelRig;
  beforeAll(async () => {
    rig.compiled = await compileModel(rig.engine, rig.built);
    await loadStart(rig.engine, rig.built, 1);
  });
  afterAll(() => rig.compiled.dispose());
  runLaws(spec.name, [{ label: spec.objective.kind, rig }], modelLaws);
}

const isCausal = ({ built: { model } }: ModelRig) => model.flow === "causal" || model.flow === "both";
const perToken = ({ built: { model } }: ModelRig) => model.per === "token";

const roundTrip: Law<ModelRig> = {
  name: "its canonical form is its own, through JSON",
  check: ({ spec }) => {
    expect(canonicalSpec(spec)).toEqual(spec);
    expect(canonicalSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
  },
};

const counted: Law<ModelRig> = {
  name: "what it computes with is what it declares: every parameter, and no other",
  check: ({ built }) => {
    const { parameters, buffers } = built.model;
    expect([...pathsRead(built)].toSorted()).toEqual([...parameters.keys(), ...buffers.keys()].toSorted());
    const values = initialise(built.model, 1);
    const elements = [...values.values()].reduce((sum, { length }) => sum + length, 0);
    expect(elements).toBe(parameterCount(parameters));
    expect(built.model.activeParameters).toBeLessThanOrEqual(elements);
  },
};

const sameSeed: Law<ModelRig> = {
  name: "one seed gives one set of bits, from a file too; another seed gives others",
  check: async ({ built, engine, compiled }) => {
    const rows = randomRows(built, 3);
    const first = await compiled.run(rows);
    expect(first.every(Number.isFinite)).toBe(true);
    const file = startFile(built, 1);
    expect(Object.keys(decodeSafetensors(file).tensors).length).toBe(built.model.parameters.size);
    await loadStart(engine, built, 2);
    expect(await compiled.run(rows)).not.toEqual(first);
    await loadFile(engine, built, file);
    expect(await compiled.run(rows)).toEqual(first);
  },
};

const causal: Law<ModelRig> = {
  name: "another future moves nothing before it",
  applies: (rig) => isCausal(rig) && perToken(rig),
  check: async (rig) => {
    for (const time of [1, T / 2, T - 1]) {
      const { moved, largest } = await pastsApart(rig, time);
      expect(moved).toBeLessThanOrEqual(rounding * largest);
    }
  },
};

const notCausal: Law<ModelRig> = {
  name: "another last token moves what is before it, as declared",
  applies: (rig) => !isCausal(rig) && perToken(rig),
  check: async (rig) => void expect((await pastsApart(rig, T - 1)).moved).toBeGreaterThan(0),
};

const padding: Law<ModelRig> = {
  name: "padding does not leak",
  check: async ({ built, compiled }) => {
    const rows = randomRows(built, 3);
    const real = T - 5;
    const other = withOther(rows, randomRows(built, 4), real);
    const [before, after] = [await compiled.run(rows, real), await compiled.run(other, real)];
    const { moved, largest } = apart(before, after, built.model.per === "token" ? real / T : 1);
    expect(moved).toBeLessThanOrEqual(rounding * largest);
  },
};

const source: Law<ModelRig> = {
  name: "another source moves what is written",
  applies: ({ built }) => built.model.readsSource,
  check: async ({ built, compiled }) => {
    const rows = randomRows(built, 3);
    const other = await compiled.run({ ...rows, source: randomRows(built, 4).source });
    expect(other).not.toEqual(await compiled.run(rows));
  },
};

const modelLaws = [roundTrip, counted, sameSeed, causal, notCausal, padding, source];

/** Inputs of `rows` up to token `time`, of `other` from there on. */
function withOther(rows: Rows, other: Rows, time: number): Rows {
  const inputs = rows.inputs.slice();
  const size = inputs.length / (B * T);
  inputs.forEach((_, i) => {
    if (Math.floor(i / size) % T >= time) inputs[i] = other.inputs[i]!;
  });
  return { ...rows, inputs };
}

/** How much outputs before `time` move when the tokens from there on change. */
async function pastsApart({ built, compiled }: ModelRig, time: number): Promise<{ moved: number; largest: number }> {
  const rows = randomRows(built, 3);
  const before = await compiled.run(rows);
  return apart(before, await compiled.run(withOther(rows, randomRows(built, 4), time)), time / T);
}

/** Largest difference in the first `share` of each row's outputs, and the largest value there is. */
function apart(a: Float64Array, b: Float64Array, share: number): { moved: number; largest: number } {
  const perRow = a.length / B;
  const largest = a.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  const moved = a.map((value, i) => (i % perRow < share * perRow ? Math.abs(value - b[i]!) : 0));
  return { moved: moved.reduce((max, value) => Math.max(max, value), 0), largest };
}
