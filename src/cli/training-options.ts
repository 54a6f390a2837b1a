import { availableParallelism } from "node:os";
import type { ArgsDef } from "citty";
import { parseStored } from "../checkpoints/index.ts";
import { type EngineKind, engineKinds } from "../engine/index.ts";
import { optimizers, schedules, storageKinds, trainingSchema } from "../train/index.ts";
import { numberIn, wholeNumber } from "./frame/values.ts";
import { choiceOf, type Fields, fieldsOf, isFields, trainingFile } from "./training-fields.ts";

const defaults = trainingSchema.parse({ steps: 1 });

const engineDescription =
  "node: ONNX Runtime on the CPU; webgpu: the same on a GPU; web: its WebAssembly build, as in a page; reference: plain loops, slow";

/** Which engine computes. */
export const engineOption = { type: "enum", options: engineKinds, description: engineDescription } as const;

const text = (valueHint: string, description: string) => ({ type: "string", valueHint, description }) as const;

/** Options of every command that trains. */
export const trainingOptions = {
  training: text(
    "FILE",
    "settings of the training, JSON or YAML, by the names that run.json has; options typed beside it hold",
  ),
  batch: text("N", `sequences a step (default: ${defaults.batch})`),
  length: text("N", `tokens of a sequence (default: ${defaults.length})`),
  accumulate: text(
    "N",
    "compute a step's batch in N equal parts, one after the other: less memory, the same step (default: 1)",
  ),
  optimizer: text("KIND", `${[...optimizers.keys()].join(", ")} (default: ${defaults.optimizer.kind})`),
  "optimizer-options": text("K=V,…", "its settings, or as JSON, such as beta1=0.95,roles.embedding.rateRatio=0.1"),
  "learning-rate": text(
    "X",
    `peak step size (default: the optimizer's own; ${defaults.optimizer.kind} ${defaults.optimizer.learningRate})`,
  ),
  schedule: text(
    "KIND",
    `course of the step size: ${[...schedules.keys()].join(", ")} (default: ${defaults.schedule.kind})`,
  ),
  "schedule-options": text("K=V,…", "its settings, or as JSON, such as warmupRatio=0.05"),
  ema: text("X", "evaluate and save an average of the parameters: the decay of an exponential one, or mean"),
  precision: text(
    "KIND|K=V,…",
    "emulate numbers kept as bf16, f16, e4m3 or e5m2 (rounded, not faster); or parameters, activations, gradients, moments and master apart",
  ),
  "loss-scale": text("X|dynamic", "factor on the loss against gradients too small for their format; dynamic finds it"),
  remat: text(
    "LEVEL",
    "activations computed anew in the backward pass to save memory: none, selective, full (default: none)",
  ),
  "non-finite": text("WHAT", "at a loss or gradient that is not finite: stop, or skip the batch (default: stop)"),
  engine: { ...engineOption, default: "node" },
  threads: text("N", "threads of the engine (default: all cores)"),
} as const satisfies ArgsDef;

export type TrainingArguments = { [K in Exclude<keyof typeof trainingOptions, "engine">]?: string | undefined } & {
  engine: EngineKind;
};

const settingsSchema = trainingSchema.omit({ steps: true, seed: true });

/** The part of a training's config that these options set, the engine and its threads. Throws E_OPTION, E_TRAINING_FILE. */
export function trainingSettings(args: TrainingArguments, more: Fields = {}) {
  const file = args.training === undefined ? {} : trainingFile(args.training);
  const where = args.training ?? "options";
  const typed = { ...numbersOf(args), ...choicesOf(args), ...more };
  const merged = { ...file, ...typed, ...partsOf(args, file) };
  return {
    engine: args.engine,
    threads: args.threads === undefined ? availableParallelism() : wholeNumber("threads", args.threads, { most: 1024 }),
    training: parseStored(settingsSchema, merged, { where, code: args.training ? "E_TRAINING_FILE" : "E_OPTION" }),
  };
}

function numbersOf({ batch, length, accumulate }: TrainingArguments): Fields {
  return {
    ...(batch !== undefined && { batch: wholeNumber("batch", batch, { most: 65_536 }) }),
    ...(length !== undefined && { length: wholeNumber("length", length, { most: 1_048_576 }) }),
    ...(accumulate !== undefined && { accumulate: wholeNumber("accumulate", accumulate, { most: 65_536 }) }),
  };
}

function choicesOf(args: TrainingArguments): Fields {
  const [remat, nonFinite] = [args.remat, args["non-finite"]];
  const { precision, "loss-scale": lossScale } = args;
  return {
    ...(remat !== undefined && { rematerialise: choiceOf("remat", remat, ["none", "selective", "full"]) }),
    ...(nonFinite !== undefined && { nonFinite: choiceOf("non-finite", nonFinite, ["stop", "skip"]) }),
    ...(precision !== undefined && { precision: precisionOf(precision) }),
    ...(lossScale !== undefined && { lossScale: lossScaleOf(lossScale) }),
  };
}

/** One word sets what the forward and the backward pass keep; gradients of e4m3 are kept as e5m2, which reaches further. */
function precisionOf(typed: string): Fields {
  if (typed.includes("=") || typed.startsWith("{")) return fieldsOf("precision", typed);
  const kind = choiceOf("precision", typed, storageKinds);
  return { parameters: kind, activations: kind, gradients: kind === "e4m3" ? "e5m2" : kind };
}

function lossScaleOf(typed: string): Fields {
  if (typed === "none" || typed === "dynamic") return { kind: typed };
  return { kind: "fixed", scale: numberIn("loss-scale", typed, { above: 0 }) };
}

/** Optimizer and schedule: a kind other than the file's leaves the file's settings of it behind. */
function partsOf(args: TrainingArguments, file: Fields): Fields {
  const rate = args["learning-rate"];
  const kept = (key: string, kind: string | undefined): Fields => {
    const known = file[key];
    const same = isFields(known) && (kind === undefined || known["kind"] === kind);
    return { ...(same ? known : {}), ...(kind !== undefined && { kind }) };
  };
  const optimizer = args.optimizer && choiceOf("optimizer", args.optimizer, [...optimizers.keys()]);
  const schedule = args.schedule && choiceOf("schedule", args.schedule, [...schedules.keys()]);
  return {
    optimizer: {
      ...kept("optimizer", optimizer),
      ...optionsOf("optimizer-options", args),
      ...(rate !== undefined && { learningRate: numberIn("learning-rate", rate, { above: 0 }) }),
      ...(args.ema !== undefined && { ema: emaOf(args.ema) }),
    },
    schedule: { ...kept("schedule", schedule), ...optionsOf("schedule-options", args) },
  };
}

function optionsOf(option: "optimizer-options" | "schedule-options", args: TrainingArguments): Fields {
  const typed = args[option];
  return typed === undefined ? {} : fieldsOf(option, typed);
}

function emaOf(typed: string): number | "mean" {
  return typed === "mean" ? typed : numberIn("ema", typed, { above: 0, most: 1 });
}
