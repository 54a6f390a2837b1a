/** The data of a job, opened in its own process. */
import { readFileSync } from "node:fs";
import { type Batches, createBatches } from "../../data/index.ts";
import type { BuiltModel } from "../../spec/index.ts";
import { type Dataset, datasetHash, openDataset } from "../../tasks/index.ts";
import { fail } from "../../tensor/index.ts";
import type { EvaluationText, TrainingConfig } from "../../train/index.ts";
import type { JobData } from "./jobs.ts";

export interface OpenedData {
  batches(built: BuiltModel, config: TrainingConfig): Batches;
  validation(built: BuiltModel, config: TrainingConfig): EvaluationText;
  /** Absent for text. */
  dataset?: Dataset;
}

/** Throws E_DATA_CHANGED where a dataset is not the one that the comparison was begun with. */
export async function openJobData(data: JobData): Promise<OpenedData> {
  if (data.kind === "text") {
    const ids = readIds(data.trainIds);
    return {
      batches: (_, { seed, batch, length }) => createBatches({ ids, seed, batch, length }),
      validation: () => ({ ids: readIds(data.validationIds), bytes: data.validationBytes }),
    };
  }
  const dataset = await openDataset(data.description, data.codec ?? undefined);
  const sha256 = datasetHash(dataset);
  if (sha256 !== data.sha256)
    fail({
      code: "E_DATA_CHANGED",
      where: dataset.name,
      expected: `the data that the comparison was begun with (SHA-256 of its facts ${data.sha256.slice(0, 12)}…)`,
      got: `${sha256.slice(0, 12)}…`,
      hint: "Put the former files back, or begin another comparison.",
    });
  return { batches: dataset.batches, validation: dataset.validation, dataset };
}

export function readIds(file: string): Int32Array {
  const bytes = readFileSync(file);
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4).slice();
}
