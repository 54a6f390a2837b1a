import { createHash } from "node:crypto";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { type DType, fail, type Shape, type TensorData } from "../../tensor/index.ts";
import { appendEntries } from "../append.ts";
import type { Append, EngineUsage, RunOptions, Values } from "../engine.ts";
import { hasMemoryPattern } from "../memory-pattern.ts";
import { SessionCache } from "../session-cache.ts";
import { Arena } from "./arena.ts";
import { type CompiledRules, type Shaped, updateTensors } from "./update-rules.ts";

/** A value's type, as it crosses to the worker. */
export interface Signature {
  shape: Shape;
  dtype: DType;
}

export interface SessionDefinition {
  bytes: Uint8Array;
  /** Bytes that all of its nodes write in one run. */
  writtenBytes: number;
  inputs: Readonly<Record<string, Signature>>;
  /** Program output → the model's name for it and its type. */
  outputs: Readonly<Record<string, Signature & { name: string }>>;
}

/** What runs the operators. */
export type NodeProvider = "cpu" | "webgpu";

export interface HostOptions {
  threads: number;
  provider: NodeProvider;
  profile?: string;
}

interface Session {
  session: ort.InferenceSession;
  /** Of the graph, by which equal ones share a session. */
  key: string;
  definition: SessionDefinition;
}

/** Sessions kept after their last user: those of evaluation and decoding are compiled again and again. */
const idleSessions = 4;

/** A trainer's program for batches of one shape. */
interface TrainingSession {
  session: number;
  /** Gradients by the model's output name, preallocated in the arena. */
  gradients: Record<string, ort.Tensor>;
}

interface NodeTrainer {
  programs: readonly TrainingSession[];
  arena: Arena;
  /** Whole-tensor rules, their models compiled to sessions. */
  tensorRules: CompiledRules<number>["tensorRules"];
  clipNorm: number | undefined;
}

/** One optimizer step: micro-batches, numbers of the update, and which of the trainer's programs. */
export interface TrainingStep {
  batches: readonly Values[];
  scalars: Readonly<Record<string, number>>;
  program: number;
}

const ortType = { f32: "float32", i32: "int32", u32: "uint32", bool: "bool" } as const;

function toTensor(data: TensorData, { shape, dtype }: Signature): ort.Tensor {
  const typed = dtype === "f32" && !(data instanceof Float32Array) ? Float32Array.from(data) : data;
  return new ort.Tensor(ortType[dtype], typed as Float32Array, shape);
}

/** Sessions, resident values and trainers; lives in the engine's worker thread. Methods are called one at a time. */
export class Host {
  private readonly options: HostOptions;
  private readonly sessions = new Map<number, Session>();
  private readonly cache: SessionCache<ort.InferenceSession>;
  private readonly residents = new Map<string, ort.Tensor>();
  private readonly trainers = new Map<number, NodeTrainer>();
  private nextId = 1;

  constructor(options: HostOptions) {
    this.options = options;
    const profiled = options.profile !== undefined;
    this.cache = new SessionCache({
      // A profile is written when its session ends.
      idle: profiled ? 0 : idleSessions,
      end: async (session) => {
        if (profiled) session.endProfiling();
        await session.release();
      },
    });
  }

  async createSession(definition: SessionDefinition): Promise<number> {
    const key = createHash("sha256").update(definition.bytes).digest("hex");
    const session = await this.cache.acquire(key, () => this.compile(definition));
    this.sessions.set(this.nextId, { session, key, definition: { ...definition, bytes: new Uint8Array() } });
    return this.nextId++;
  }

  async disposeSession(id: number, then: "wait" | "end" = "wait"): Promise<void> {
    const known = this.sessions.get(id);
    this.sessions.delete(id);
    if (known) await this.cache.release(known.key, then);
  }

  usage(): EngineUsage {
    const { open, idle, created } = this.cache.counts();
    const values = [...this.residents.values()];
    return {
      sessions: open,
      idleSessions: idle,
      sessionsCreated: created,
      residents: values.length,
      residentBytes: values.reduce((sum, { data }) => sum + (data as Float32Array).byteLength, 0),
    };
  }

  private compile({ bytes, writtenBytes }: SessionDefinition): Promise<ort.InferenceSession> {
    return ort.InferenceSession.create(bytes, {
      executionProviders: [this.options.provider],
      enableMemPattern: hasMemoryPattern(writtenBytes),
      intraOpNumThreads: this.options.threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      graphOptimizationLevel: "all",
      logSeverityLevel: 3,
      ...(this.options.profile !== undefined && {
        enableProfiling: true,
        profileFilePrefix: join(this.options.profile, `session-${this.nextId}`),
      }),
    });
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
    definitions: readonly SessionDefinition[],
    { parameters, kernels, tensorRules, clipNorm }: CompiledRules<SessionDefinition> & { clipNorm: number | undefined },
  ): Promise<number> {
    const arena = new Arena(parameters, kernels);
    const programs: TrainingSession[] = [];
    for (const definition of definitions) {
      const gradients: Record<string, ort.Tensor> = {};
      for (const { name, shape } of parameters) {
        const output = definition.outputs[`grad:${name}`];
        if (output !== undefined)
          gradients[output.name] = toTensor(arena.view(name, "gradients"), { shape, dtype: "f32" });
      }
      programs.push({ session: await this.createSession(definition), gradients });
    }
    for (const { name, shape } of parameters)
      this.residents.set(name, toTensor(arena.view(name, "parameters"), { shape, dtype: "f32" }));
    const id = programs[0]!.session;
    this.trainers.set(id, { programs, arena, tensorRules: await this.compileModels(tensorRules), clipNorm });
    return id;
  }

  /** Runs the program once per micro-batch, averages gradients, and updates unless something is not finite. */
  async step(id: number, { batches, scalars, program }: TrainingStep) {
    const trainer = this.trainers.get(id)!;
    const outputs = await this.gradients(trainer, batches, program);
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
    const own = trainer.programs.map(({ session }) => session);
    for (const session of [...own, ...models]) await this.disposeSession(session, "end");
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

  private async gradients(
    trainer: NodeTrainer,
    batches: readonly Values[],
    program: number,
  ): Promise<Record<string, number>> {
    const sums: Record<string, number> = {};
    const earlier: Float32Array[] = [];
    const views = trainer.arena.names().map((name) => trainer.arena.view(name, "gradients"));
    for (const [index, batch] of batches.entries()) {
      const results = await this.runTraining(trainer.programs[program]!, batch);
      for (const [name, value] of Object.entries(results)) sums[name] = (sums[name] ?? 0) + value / batches.length;
      accumulate(views, earlier, { index, count: batches.length });
    }
    return sums;
  }

  private async runTraining(
    { session: id, gradients }: TrainingSession,
    batch: Values,
  ): Promise<Record<string, number>> {
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

  /** Writes a step's new entries into a buffer of larger capacity. */
  private append({ data, dims }: ort.Tensor, { resident, ...where }: Append): void {
    const buffer = this.residents.get(resident)!;
    const blockOf = (values: unknown, shape: Shape) => ({ data: values as TensorData, shape });
    appendEntries(blockOf(buffer.data, buffer.dims), blockOf(data, dims), where);
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
