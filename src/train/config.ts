import { z } from "zod";
import { rematerialisations } from "../grad/index.ts";
import { lossScaleSchema } from "./loss-scale.ts";
import { optimizerSchema } from "./optimizers/index.ts";
import { precisionSchema } from "./precision/index.ts";
import { scheduleSchema } from "./schedules/index.ts";
import { validationSchema } from "./validation.ts";

/** Everything besides spec and data that decides a training run. Stored with it. */
export const trainingSchema = z.strictObject({
  seed: z.int().nonnegative().default(0).describe("seed of initialisation, batches and draws"),
  steps: z.int().positive().describe("optimizer steps"),
  batch: z.int().positive().default(16).describe("sequences a step"),
  length: z.int().positive().default(128).describe("tokens of a sequence"),
  accumulate: z
    .int()
    .positive()
    .default(1)
    .describe("equal parts of a batch that are computed one after the other; the step is that of the whole batch"),
  optimizer: optimizerSchema.prefault({}),
  schedule: scheduleSchema.prefault({}),
  precision: precisionSchema.prefault({}).describe("formats that numbers are kept in, emulated"),
  lossScale: lossScaleSchema.prefault({ kind: "none" }),
  rematerialise: z
    .enum(rematerialisations)
    .default("none")
    .describe(
      "activations that the backward pass computes anew: none, attention's scores (selective), all but layers' (full)",
    ),
  nonFinite: z
    .enum(["stop", "skip"])
    .default("stop")
    .describe("at a loss or gradient that is not finite: end with an error, or leave the batch out"),
  stepsPerCall: z.int().positive().default(1).describe("steps handed to the engine at once; changes no results"),
  validation: validationSchema.prefault({}),
});
export type TrainingConfig = z.output<typeof trainingSchema>;
export type TrainingInput = z.input<typeof trainingSchema>;
