import { z } from "zod";

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
});
export type ValidationConfig = z.output<typeof validationSchema>;

/** Whether an evaluation is the best so far, and whether training is to end. */
export interface Verdict {
  best: boolean;
  stop: boolean;
}

/** Judges evaluations one after the other; what it says depends on them alone. */
export function judgeEvaluations({ patience, leastGain }: ValidationConfig): (bitsPerByte: number) => Verdict {
  let lowest = Number.POSITIVE_INFINITY;
  let waited = 0;
  return (bitsPerByte) => {
    const best = bitsPerByte < lowest - (Number.isFinite(lowest) ? leastGain : 0);
    waited = best ? 0 : waited + 1;
    if (best) lowest = bitsPerByte;
    return { best, stop: patience !== null && waited >= patience };
  };
}
