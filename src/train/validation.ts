import { z } from "zod";
import { plateau, plateauSchema } from "./schedules/index.ts";

/** What the evaluations of a run decide. */
export const validationSchema = z.strictObject({
  patience: z
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe("evaluations without improvement after which training ends; null: it goes on"),
  leastGain: z.number().min(0).default(0).describe("bits per byte by which an evaluation must be better to count"),
  keepBest: z.boolean().default(false).describe("keep the checkpoint of the best evaluation, as a run named best"),
  plateau: plateauSchema
    .omit({ better: true })
    .exactOptional()
    .describe("lower the rate of the schedule where evaluations no longer improve; absent: never"),
});
export type ValidationConfig = z.output<typeof validationSchema>;

/** Whether an evaluation is the best so far, whether training is to end, and the factor of the rate from here on. */
export interface Verdict {
  best: boolean;
  stop: boolean;
  rateFactor: number;
}

/** Judges evaluations one after the other; what it says depends on them alone. */
export function judgeEvaluations({
  patience,
  leastGain,
  plateau: drops,
}: ValidationConfig): (bitsPerByte: number) => Verdict {
  const rateFactor = drops ? plateau({ ...drops, better: "lower" }) : () => 1;
  let lowest = Number.POSITIVE_INFINITY;
  let waited = 0;
  return (bitsPerByte) => {
    const best = bitsPerByte < lowest - (Number.isFinite(lowest) ? leastGain : 0);
    waited = best ? 0 : waited + 1;
    if (best) lowest = bitsPerByte;
    return { best, stop: patience !== null && waited >= patience, rateFactor: rateFactor(bitsPerByte) };
  };
}
