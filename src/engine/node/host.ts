import * as ort from "onnxruntime-node";
import { type DType, fail, type Shape, stridesOf, type TensorData } from "../../tensor/index.ts";
import type { Append, RunOptions, Values } from "../engine.ts";
import { Arena } from "./arena.ts";
import { type CompiledRules, type Shaped, updateTensors } from "./update-rules.ts";

/** A value's type, as it crosses to the worker. */
export interface Signature {
  shape: Shape;
  dtype: DType;
}

export interface SessionDefinition {
  bytes: Uint8Array;
  inputs: Readonly<Record<string, Signature>>;
  /** Program output → the model's name for it and its type. */
  outputs: Readonly<Record<string, Signature & { name: string }>>;
}

interface Session {
  session: ort.InferenceSession;
  definition: SessionDefinition;
}

interface NodeTrainer {
  session: number;
  arena: Arena;
  /** Whole-tensor rules, their models compiled to sessions. */
  tensorRules: CompiledRules<number>["tensorRules"];
  clipNorm: number | undefined;
  /** Gradients by the model's output name, preallocated in the arena. */
  gradients: Record<string, ort.Tensor>;
}

const ortType = { f32: "float32", i32: "int32", u32: "uint32", bool: "bool" } as const;

function toTensor(data: TensorData, { shape, dtype }: Signature): ort.Tensor {
  const typed = dtype === "f32" && !(data instanceof Float32Array) ? Float32Array.from(data) : data;
  return new ort.Tensor(ortType[dtype], typed as Float32Array, shape);
}

/** Sessions, resident values and trainers; lives in the engine's worker thread. Methods are called one at a time. */
export class Host {
  private readonly threads: number;
  private readonly sessions = new Map<number, Session>();
  private readonly residents = new Map<string, ort.Tensor>();
  private readonly trainers = new Map<number, NodeTrainer>();
  private nextId = 1;

  constructor({ threads }: { threads: number }) {
    this.threads = threads;
  }

  async createSession(definition: SessionDefinition): Promise<number> {
    const session = await ort.InferenceSession.create(definition.bytes, {
      intraOpNumThreads: this.threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      graphOptimizationLevel: "all",
      logSeverityLevel: 3,
    });
    this.sessions.set(this.nextId, { session, definition: { ...definition, bytes: new Uint8Array() } });
    return this.nextId++;
  }

  async disposeSession(id: number): Promise<void> {
    await this.sessions.get(id)?.session.release();
    this.sessions.delete(id);
  }

  put(name: string, { data, ...signature }: Signature & { data: TensorData }): void {
    this.residents.set(name, toTensor(data, signature));
  }

  get(name: string): TensorData {
    const value = this.residents.get(name);
    if (value === undefined) fail({ code: "E_RESIDENT", where: name, expected: "a resident value", got: "none" });
    return (value.data as Float32Array).slice();
  }

  drop(names: readonly string[]): void {
    for (const name of names) this.residents.delete(name);
  }

  async run(id: number, feeds: Values, { keep = {}, append = {} }: RunOptions): Promise<Values> {
    const { session, definition } = this.sessions.get(id)!;
    const results = await session.run(this.feedsOf(definition, feeds));
    const returned: Record<string, TensorData> = {};
    for (const [output, { name }] of Object.entries(definition.outputs)) {
      const value = results[name]!;
      if (output in keep) this.residents.set(keep[output]!, value);
      else if (output in append) this.append(value, append[output]!);
      else returned[output] = value.data as TensorData;
    }
    return returned;
  }

  async createTrainer(
    definition: SessionDefinition,
    { parameters, kernels, tensorRules, clipNorm }: CompiledRules<SessionDefinition> & { clipNorm: number | undefined },
  ): Promise<number> {
    const session = await this.createSession(definition);
    const arena = new Arena(parameters, kernels);
    const gradients: Record<string, ort.Tensor> = {};
    for (const { name, shape } of parameters) {
      this.residents.set(name, toTensor(arena.view(name, "parameters"), { shape, dtype: "f32" }));
      const output = definition.outputs[`grad:${name}`];
      if (output !== undefined)
        gradients[output.name] = toTensor(arena.view(name, "gradients"), { shape, dtype: "f32" });
    }
    this.trainers.set(session, {
      session,
      arena,
      tensorRules: await this.compileModels(tensorRules),
      clipNorm,
      gradients,
    });
    return session;
  }

  /** Runs the program once per micro-batch, averages gradients, and updates unless something is not finite. */
  async step(id: number, batches: readonly Values[], scalars: Readonly<Record<string, number>>) {
    const trainer = this.trainers.get(id)!;
    const outputs = await this.gradients(trainer, batches);
    const gradNorm = trainer.arena.gradNorm();
    const gradScale = trainer.clipNorm === undefined ? 1 : Math.min(1, trainer.clipNorm / (gradNorm + 1e-6));
    if (Number.isFinite(gradNorm) && Number.isFinite(outputs["loss"]))
      await this.update(trainer, { ...scalars, gradScale });
    return { outputs, gradNorm };
  }

  read(id: number, what: "parameters" | { slot: string }): Record<string, Float32Array> {
    const { arena } = this.trainers.get(id)!;
    return Object.fromEntries(arena.names(what).map((name) => [name, arena.view(name, what).slice()]));
  }

  write(id: number, what: "parameters" | { slot: string }, values: Readonly<Record<string, Float32Array>>): void {
    const { arena } = this.trainers.get(id)!;
    for (const name of arena.names(what)) arena.view(name, what).set(values[name]!);
  }

  async disposeTrainer(id: number): Promise<void> {
    const trainer = this.trainers.get(id);
    this.trainers.delete(id);
    if (trainer === undefined) return;
    this.drop(trainer.arena.names());
    const models = [...trainer.tensorRules.values()].flatMap((rule) => [...rule.models.values()]);
    for (const session of [id, ...models]) await this.disposeSession(session);
  }

  private async compileModels(
    rules: CompiledRules<SessionDefinition>["tensorRules"],
  ): Promise<NodeTrainer["tensorRules"]> {
    const compiled: NodeTrainer["tensorRules"] = new Map();
    for (const [place, { scalars, models }] of rules) {
      const sessions = new Map<string, number>();
      for (const [shape, definition] of models) sessions.set(shape, await this.createSession(definition));
      compiled.set(place, { scalars, models: sessions });
    }
    return compiled;
  }

  private async update(
    { arena, tensorRules: rules }: NodeTrainer,
    scalars: Readonly<Record<string, number>>,
  ): Promise<void> {
    arena.update(scalars);
    await updateTensors(arena, { rules, scalars, run: (session, feeds) => this.runModel(session, feeds) });
  }

  private async runModel(id: number, values: Shaped): Promise<Record<string, Float32Array>> {
    const { session, definition } = this.sessions.get(id)!;
    const feeds = Object.fromEntries(
      Object.keys(definition.inputs).map((name) => [
        name,
        toTensor(values[name]!.data, { ...values[name]!, dtype: "f32" }),
      ]),
    );
    const results = await session.run(feeds);
    return Object.fromEntries(
      Object.entries(definition.outputs).map(([output, { name }]) => [output, results[name]!.data as Float32Array]),
    );
  }

  private async gradients(trainer: NodeTrainer, batches: readonly Values[]): Promise<Record<string, number>> {
    const sums: Record<string, number> = {};
    const earlier: Float32Array[] = [];
    const views = trainer.arena.names().map((name) => trainer.arena.view(name, "gradients"));
    for (const [index, batch] of batches.entries()) {
      const results = await this.runTraining(trainer, batch);
      for (const [name, value] of Object.entries(results)) sums[name] = (sums[name] ?? 0) + value / batches.length;
      accumulate(views, earlier, { index, count: batches.length });
    }
    return sums;
  }

  private async runTraining({ session: id, gradients }: NodeTrainer, batch: Values): Promise<Record<string, number>> {
    const { session, definition } = this.sessions.get(id)!;
    const fetches: Record<string, ort.Tensor | null> = {};
    for (const { name } of Object.values(definition.outputs)) fetches[name] = gradients[name] ?? null;
    const results = await session.run(this.feedsOf(definition, batch), fetches);
    const numbers: Record<string, number> = {};
    for (const [output, { name }] of Object.entries(definition.outputs)) {
      if (output.startsWith("buffer:")) this.residents.set(output.slice("buffer:".length), results[name]!);
      else if (!output.startsWith("grad:")) numbers[output] = Number(results[name]!.data[0]);
    }
    return numbers;
  }

  private feedsOf({ inputs }: SessionDefinition, feeds: Values): Record<string, ort.Tensor> {
    const tensors: Record<string, ort.Tensor> = {};
    for (const [name, signature] of Object.entries(inputs)) {
      const fed = feeds[name];
      const value = fed === undefined ? this.residents.get(name) : toTensor(fed, signature);
      if (value === undefined)
        fail({
          code: "E_FEED",
          where: `input "${name}"`,
          expected: `a value of shape [${signature.shape.join(", ")}]`,
          got: "none",
        });
      tensors[name] = value;
    }
    return tensors;
  }

  /** Copies a step's new entries into a buffer of larger capacity: value [B, …, n, …] to positions[b] … + n along the axis. */
  private append(value: ort.Tensor, { resident, axis, positions }: Append): void {
    const buffer = this.residents.get(resident)!;
    const [from, to] = [value.data as Float32Array, buffer.data as Float32Array];
    const [capacity, count] = [buffer.dims[axis]!, value.dims[axis]!];
    const inner = stridesOf(value.dims)[axis]!;
    const outer = value.dims.slice(0, axis).reduce((product, dim) => product * dim, 1);
    const perSequence = outer / value.dims[0]!;
    for (let row = 0; row < outer; row++) {
      const start = positions[Math.floor(row / perSequence)]!;
      for (let i = Math.max(0, count - capacity); i < count; i++) {
        const source = (row * count + i) * inner;
        to.set(from.subarray(source, source + inner), (row * capacity + ((start + i) % capacity)) * inner);
      }
    }
  }
}

/** Keeps the running sum of gradients beside the arena, and leaves their mean in it after the last micro-batch. */
function accumulate(
  views: readonly Float32Array[],
  sums: Float32Array[],
  { index, count }: { index: number; count: number },
): void {
  if (count === 1) return;
  views.forEach((view, i) => {
    sums[i] ??= new Float32Array(view.length);
    const sum = sums[i];
    for (let j = 0; j < view.length; j++) sum[j]! += view[j]! / count;
    if (index === count - 1) view.set(sum);
  });
}
