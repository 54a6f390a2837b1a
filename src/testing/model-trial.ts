/** A whole model put through what users do: trained, stored, loaded, evaluated and decoded, on one engine. */
import type { Io } from "../blocks/index.ts";
import { decodeSafetensors, encodeSafetensors, float32Of } from "../checkpoints/index.ts";
import type { Batch, Batches, BatchShape } from "../data/index.ts";
import type { Engine } from "../engine/index.ts";
import { createGenerator, Decoder, putParameters } from "../generate/index.ts";
import { initialise, type ModelResult } from "../model/index.ts";
import { createRng, type Rng } from "../ops/index.ts";
import type { BuiltModel } from "../spec/index.ts";
import { input, inputsOf, type Tensor } from "../tensor/index.ts";
import { createTraining, evaluationIo, inputSource, trainingIo, trainingSchema } from "../train/index.ts";

/** Sequences of a trial: B rows of T tokens. */
export const [B, T] = [2, 16];

/** S: shorter than what a decoder pads to, unless the encoder is defined for whole lengths only. */
const sourceLength = ({ model }: BuiltModel): number =>
  model.parts.some(({ where, length }) => where.startsWith("encoder") && length === "fixed") ? 16 : 8;

export interface Rows {
  /** i32 or f32, B rows of T tokens. */
  inputs: Int32Array | Float32Array;
  source: Int32Array;
}

const ids = (length: number, vocabulary: number, rng: Rng): Int32Array =>
  Int32Array.from({ length }, () => rng.below(vocabulary));

/** Ids that are the tokenizer's own. */
const tokensOf = ({ model, extraTokens }: BuiltModel): number => model.vocabulary - Object.keys(extraTokens).length;

/** Random inputs, the same for the same seed. */
export function randomRows(built: BuiltModel, seed: number): Rows {
  const rng = createRng(seed);
  const { model } = built;
  const inputs =
    model.input.kind === "ids"
      ? ids(B * T, tokensOf(built), rng)
      : Float32Array.from({ length: B * T * model.input.size }, () => 2 * rng.uniform() - 1);
  return { inputs, source: ids(B * sourceLength(built), tokensOf(built), rng.fork("source")) };
}

/** Batches of random sequences of the form that the objective reads. */
function trialBatches(built: BuiltModel): Batches {
  const { model } = built;
  const shape: BatchShape = {
    ...{ batch: B, length: T },
    ...(model.per === "sequence" && { mask: true }),
    ...(model.readsSource && { weights: true, sourceLength: sourceLength(built) }),
  };
  return {
    shapes: [shape],
    position: (step) => ({ step }),
    resume: () => 0,
    batch: (step) => ({ arrays: arraysOf(built, randomRows(built, step)), shape: 0, epoch: 0 }),
  };
}

const ones = (length: number): Uint8Array => new Uint8Array(length).fill(1);

function arraysOf(built: BuiltModel, { inputs, source }: Rows): Batch["arrays"] {
  const { model } = built;
  const rng = createRng(1);
  if (model.per === "sequence")
    return {
      inputs,
      targets: answersOf(built, rng),
      mask: Uint8Array.from({ length: B * T }, (_, i) => +(i < B * T - 3)),
    };
  const targets = ids(B * T, tokensOf(built), rng);
  if (!model.readsSource) return { inputs, targets };
  return { inputs, targets, weights: new Float32Array(B * T).fill(1), source, sourceMask: ones(source.length) };
}

function answersOf({ model }: BuiltModel, rng: Rng): Int32Array | Float32Array {
  if (model.spec.objective.kind === "classification") return ids(B, model.outputs, rng);
  return Float32Array.from({ length: B * model.outputs }, () => rng.uniform());
}

/** Losses of `steps` steps from the start, and the parameters and buffers at their end, as a file. */
export async function trainTrial(
  engine: Engine,
  built: BuiltModel,
  { steps }: { steps: number },
): Promise<{ losses: number[]; file: Uint8Array }> {
  const config = trainingSchema.parse({ steps, batch: B, length: T, optimizer: { learningRate: 1e-3 } });
  const training = await createTraining(engine, built, { batches: trialBatches(built), config });
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) losses.push((await training.advance()).loss);
  const { weights } = await training.snapshot();
  await training.dispose();
  return { losses, file: encodeSafetensors({ tensors: weights }) };
}

/** Makes the parameters and buffers of a file resident. */
export async function loadFile(engine: Engine, { model }: BuiltModel, file: Uint8Array): Promise<void> {
  const { tensors } = decodeSafetensors(file);
  const values = Object.entries(tensors).map(([path, tensor]) => [path, float32Of(tensor)] as const);
  await putParameters(engine, model, new Map(values));
}

/** A start of the parameters as a file. */
export function startFile({ model }: BuiltModel, seed: number): Uint8Array {
  const tensors = [...initialise(model, seed)].map(([path, data]) => {
    const { shape } = model.parameters.get(path)!;
    return [path, { dtype: "F32", shape: [...shape], data }] as const;
  });
  return encodeSafetensors({ tensors: Object.fromEntries(tensors) });
}

/** Makes a start of the parameters resident. */
export const loadStart = (engine: Engine, { model }: BuiltModel, seed: number): Promise<void> =>
  putParameters(engine, model, initialise(model, seed));

/** A model compiled once for rows of a trial. */
export interface CompiledModel {
  /** Outputs [B][T][C], or [B][C] where one stands for a sequence; `real` tokens of each row, all if absent. */
  run(rows: Rows, real?: number): Promise<Float64Array>;
  dispose(): Promise<void>;
}

/** Evaluation with padding: reads the parameters that are resident when it runs. */
export async function compileModel(engine: Engine, built: BuiltModel): Promise<CompiledModel> {
  const { outputs, fed } = tracedModel(built);
  const program = await engine.compile({ outputs });
  return {
    async run({ inputs, source }, real = T) {
      const mask = Uint8Array.from({ length: B * T }, (_, i) => +(i % T < real));
      const feeds = { ids: inputs, mask, source };
      const used = Object.entries(feeds).filter(([name]) => fed.has(name));
      const result = await program.run(Object.fromEntries(used));
      return Float64Array.from(result["logits"]!);
    },
    dispose: () => program.dispose(),
  };
}

/** The outputs as a graph, and the inputs that it is fed. */
function tracedModel(built: BuiltModel): { outputs: { logits: Tensor }; fed: Set<string> } {
  const { logits } = tracedResult(built, evaluationIo());
  const reached = inputsOf({ outputs: { logits } });
  return { outputs: { logits }, fed: new Set(["ids", "mask", "source"].filter((name) => reached.has(name))) };
}

/** Paths of the parameters and buffers that outputs or auxiliary losses depend on, in training or outside. */
export function pathsRead(built: BuiltModel): Set<string> {
  const paths = [...built.model.parameters.keys(), ...built.model.buffers.keys()];
  const reached = [evaluationIo(), trainingIo()].flatMap((io) => {
    const { logits, losses, buffers } = tracedResult(built, io);
    const values = Object.entries({
      ...Object.fromEntries(losses.map(({ name, value }) => [name, value])),
      ...buffers,
    });
    return [...inputsOf({ outputs: { logits, ...Object.fromEntries(values) } }).keys()];
  });
  return new Set(paths.filter((path) => reached.includes(path)));
}

function tracedResult(built: BuiltModel, io: Io): ModelResult {
  const { model } = built;
  const context = {
    source: inputSource(),
    io: { ...io, mask_BT: input("mask", [B, T], "bool") },
    ...(model.readsSource && { from: { ids_BS: input("source", [B, sourceLength(built)], "i32") } }),
  };
  const { input: kind } = model;
  return model.forward(kind.kind === "ids" ? input("ids", [B, T], "i32") : input("ids", [B, T, kind.size]), context);
}

/** Outputs for some rows, from a compilation of their own. */
export async function logitsOf(engine: Engine, built: BuiltModel, { rows }: { rows: Rows }): Promise<Float64Array> {
  const compiled = await compileModel(engine, built);
  const logits = await compiled.run(rows);
  await compiled.dispose();
  return logits;
}

/** Largest difference between scores while decoding and those of the whole text, relative to the largest score. */
export async function decodingError(engine: Engine, built: BuiltModel, rows: Rows): Promise<number> {
  const { model } = built;
  const whole = await logitsOf(engine, built, { rows });
  const counts = [7, 4];
  const decoder = new Decoder(engine, model, { batch: B, prefix: `trial.${model.spec.name}/` });
  const row = (b: number) => rows.inputs.subarray(b * T, (b + 1) * T) as Int32Array;
  const S = sourceLength(built);
  const sources = Array.from({ length: B }, (_, b) => rows.source.subarray(b * S, (b + 1) * S));
  let logits = await decoder.prefill(
    counts.map((count, b) => row(b).subarray(0, count)),
    model.readsSource ? { sources } : {},
  );
  let worst = 0;
  for (let step = 0; ; step++) {
    counts.forEach((count, b) => {
      const at = (b * T + count + step - 1) * model.outputs;
      worst = Math.max(worst, ...Array.from(logits[b]!, (value, i) => Math.abs(value - whole[at + i]!)));
    });
    if (step === 3) break;
    logits = await decoder.step(Int32Array.from(counts, (count, b) => row(b)[count + step]!));
  }
  await decoder.dispose();
  return worst / whole.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-6);
}

/** A few tokens that the model writes. */
export async function writeTrial(engine: Engine, built: BuiltModel, rows: Rows): Promise<Int32Array> {
  const generator = createGenerator(engine, built);
  const prompt = (rows.inputs as Int32Array).subarray(0, 3);
  const { tokens } = await generator.generate({
    ...{ prompt, tokens: 3, sampler: { temperature: 0 } },
    ...(built.model.readsSource && { source: rows.source.subarray(0, sourceLength(built)) }),
  });
  await generator.dispose();
  return tokens;
}
