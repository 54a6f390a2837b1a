import { availableParallelism } from "node:os";
import type { ArgsDef } from "citty";
import { trainingSchema } from "../train/index.ts";
import { numberIn, wholeNumber } from "./frame/values.ts";

const defaults = trainingSchema.parse({ steps: 1 });

/** Options of every command that trains. */
export const trainingOptions = {
  batch: { type: "string", valueHint: "N", description: "sequences a step", default: String(defaults.batch) },
  length: { type: "string", valueHint: "N", description: "tokens of a sequence", default: String(defaults.length) },
  "learning-rate": {
    type: "string",
    valueHint: "X",
    description: `peak step size of AdamW, on a ${defaults.schedule.kind} schedule with warm-up`,
    default: String(defaults.optimizer.learningRate),
  },
  threads: { type: "string", valueHint: "N", description: "threads of the engine (default: all cores)" },
} as const satisfies ArgsDef;

export interface TrainingArguments {
  batch: string;
  length: string;
  "learning-rate": string;
  threads?: string | undefined;
}

/** The part of a training's config that these options set, and the threads. */
export function trainingSettings(args: TrainingArguments) {
  return {
    threads: args.threads === undefined ? availableParallelism() : wholeNumber("threads", args.threads, { most: 1024 }),
    training: {
      batch: wholeNumber("batch", args.batch, { most: 65_536 }),
      length: wholeNumber("length", args.length, { most: 1_048_576 }),
      optimizer: { learningRate: numberIn("learning-rate", args["learning-rate"], { above: 0 }) },
    },
  };
}
