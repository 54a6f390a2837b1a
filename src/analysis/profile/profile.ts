import { availableParallelism } from "node:os";
import type { Engine } from "../../engine/index.ts";
import { Decoder, putParameters } from "../../generate/index.ts";
import { initialise, parameterCount } from "../../model/index.ts";
import type { BuiltModel } from "../../spec/index.ts";
import { fail } from "../../tensor/index.ts";
import { createTraining, trainingSchema } from "../../train/index.ts";
import { figure } from "../comparison/protocol.ts";
import { costsOf } from "./costs.ts";
import type { SessionRun } from "./events.ts";
import { matmulPeak, profiled } from "./peak.ts";
import { randomBatches } from "./random-batches.ts";
import type { BlockCost, Profile } from "./results.ts";

export interface ProfileOptions {
  kind?: "train" | "decode";
  /** Sequences at a time. Default: 8 of training, 1 of decoding. */
  batch?: number;
  /** Tokens of a training sequence, or tokens behind which one is decoded. Default 256. */
  length?: number;
  /** Steps that are measured, behind two that are not. Default 10. */
  steps?: number;
  /** Default: all cores. */
  threads?: number;
}

const warmUp = 2;

const usOf = (runs: readonly SessionRun[]): number => runs.reduce((sum, { us }) => sum + us, 0);

/**
 * Times the kernels of a training step (forward, backward; AdamW beside them) or of a decoding step with ONNX Runtime's own
 * profiler, and maps them to the model's parts by the names of their nodes. Costs are those of the fastest step. Parameters are at
 * their start, data are noise.
 * Throws E_PROFILE where a model cannot decode, or is asked for more tokens than it can read.
 */
export async function profileModel(built: BuiltModel, options: ProfileOptions = {}): Promise<Profile> {
  const { kind = "train", length = 256, steps = 10, threads = availableParallelism() } = options;
  const { model } = built;
  const batch = options.batch ?? (kind === "train" ? 8 : 1);
  assertFits(built, { kind, length });
  const peak = await matmulPeak(threads);
  const times: number[] = [];
  const measure = kind === "train" ? trainingSteps : decodingSteps;
  const sessions = await profiled(threads, (engine) => measure(engine, built, { batch, length, steps, times }));
  // The session of the step is the one that ran longest; others grow buffers.
  const runs = sessions.reduce((longest, one) => (usOf(one) > usOf(longest) ? one : longest));
  const fastest = times.reduce((least, time, i) => (i >= warmUp && time < times[least]! ? i : least), warmUp);
  const [run, ms] = [runs[fastest]!, times[fastest]!];
  const { all, products, blocks, ...costs } = costsOf(run, ms);
  return {
    model: { name: model.spec.name, title: model.spec.title, parameters: parameterCount(model.parameters) },
    task: { kind, batch, length },
    threads,
    stepMs: figure(times.slice(warmUp)),
    ms,
    graphMs: run.us / 1e3,
    kernelMs: all.ms,
    peak,
    products: { ...products, shareOfPeak: (products.gflops ?? 0) / peak.gflops },
    blocks: inStackOrder(blocks, built),
    ...costs,
  };
}

interface Measuring {
  batch: number;
  length: number;
  steps: number;
  /** Milliseconds that each step took are put here. */
  times: number[];
}

async function trainingSteps(engine: Engine, built: BuiltModel, { batch, length, steps, times }: Measuring) {
  const config = trainingSchema.parse({ steps: steps + warmUp, batch, length });
  const batches = randomBatches(built, { batch, length });
  const training = await createTraining(engine, built, { batches, config });
  for (let step = 0; step < config.steps; step++) times.push(await timed(() => training.advance()));
  await training.dispose();
}

async function decodingSteps(engine: Engine, built: BuiltModel, { batch, length, steps, times }: Measuring) {
  const { model } = built;
  await putParameters(engine, model, initialise(model, 0));
  const decoder = new Decoder(engine, model, { batch, prefix: "profile." });
  await decoder.skipTo(length);
  for (let step = 0; step < steps + warmUp; step++) times.push(await timed(() => decoder.step(new Int32Array(batch))));
  await decoder.dispose();
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function assertFits({ model }: BuiltModel, { kind, length }: { kind: "train" | "decode"; length: number }): void {
  const reject = (expected: string, got: string) => fail({ code: "E_PROFILE", where: model.spec.name, expected, got });
  if (kind === "decode" && !model.decodes) reject("a model that decodes token by token", `${model.flow} layers`);
  if (length > model.limit) reject(`at most ${model.limit} tokens, the model's limit`, String(length));
}

/** Embedding, layers bottom to top, head; then what belongs to no part. */
function inStackOrder(blocks: readonly BlockCost[], { model }: BuiltModel): BlockCost[] {
  const order = [
    ...["encoder.embedding", "encoder.positions", "embedding", "positions", "embeddingNorm"],
    ...model.layers.map(({ path }) => path),
    ...["encoder.norm", "norm", "head", "objective", "other"],
  ];
  const place = (path: string) => (order.includes(path) ? order.indexOf(path) : order.length);
  return blocks.toSorted((a, b) => place(a.path) - place(b.path));
}
