import { z } from "zod";
import { optimizerSchema } from "./optimizers/index.ts";
import { scheduleSchema } from "./schedules/index.ts";

/** Everything besides spec and data that decides a training run. Stored with it. */
export const trainingSchema = z.strictObject({
  seed: z.int().nonnegative().default(0).describe("seed of initialisation, batches and draws"),
  steps: z.int().positive().describe("optimizer steps"),
  batch: z.int().positive().default(16).describe("sequences a step"),
  length: z.int().positive().default(128).describe("tokens of a sequence"),
  optimizer: optimizerSchema.prefault({}),
  schedule: scheduleSchema.prefault({}),
});
export type TrainingConfig = z.output<typeof trainingSchema>;
export type TrainingInput = z.input<typeof trainingSchema>;
