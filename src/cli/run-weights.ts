/** Which weights of a run a command uses: those of a checkpoint, or the mean of several. */
import type { ArgsDef } from "citty";
import { float32Of, loadWeights, type Run } from "../checkpoints/index.ts";
import { note } from "./frame/output.ts";
import { failUsage } from "./frame/usage-error.ts";
import { wholeNumber } from "./frame/values.ts";

export const weightOptions = {
  step: { type: "string", valueHint: "N", description: "checkpoint of this step (default: the newest)" },
  average: {
    type: "string",
    valueHint: "N",
    description: "the mean of the newest N checkpoints, which seqlab train --keep N leaves",
  },
} as const satisfies ArgsDef;

type WeightArguments = { [K in keyof typeof weightOptions]?: string | undefined };

export type RunWeights = ReadonlyMap<string, Float32Array>;

/** Reads them, and says which checkpoints were passed over as damaged. Throws E_OPTION and what reading checkpoints throws. */
export function readWeights(run: Run, { step, average }: WeightArguments): RunWeights {
  if (step !== undefined && average !== undefined)
    failUsage({ code: "E_OPTION", where: "--average", expected: "either --step or --average", got: "both" });
  const { weights, skipped } = loadWeights(run, {
    step: step === undefined ? "latest" : wholeNumber("step", step, { least: 0 }),
    average: average === undefined ? 1 : wholeNumber("average", average),
  });
  for (const { step, reason } of skipped)
    note(`note: the checkpoint of step ${step} is not whole and was passed over: ${reason}`);
  return new Map(Object.entries(weights).map(([path, tensor]) => [path, float32Of(tensor, path)]));
}
