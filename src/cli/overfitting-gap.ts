/** How much better a run's weights know the text they were trained on than the one that was kept from them. */
import { measureGap, type OverfittingGap } from "../analysis/index.ts";
import { splitCorpus } from "../data/index.ts";
import type { Engine } from "../engine/index.ts";
import { decimals3 } from "../report/index.ts";
import type { BuiltModel } from "../spec/index.ts";
import { textDataset } from "../tasks/index.ts";
import { SeqlabError } from "../tensor/index.ts";
import { reloadCorpus, type TextRun, type TrainedRun } from "./run-info.ts";

export interface MeasuredGap {
  /** Absent for data other than text, and where the run's text is no longer what it was. */
  gap?: OverfittingGap;
  notes: string[];
}

/** Measures the parameters that are resident in the engine, on the run's own text. */
export async function measuredGap(stored: TrainedRun, { built, engine }: Resident): Promise<MeasuredGap> {
  if (stored.kind !== "text") return { notes: [] };
  try {
    return { gap: await measureGap(engine, built, await textsOf(stored, built)), notes: [] };
  } catch (error) {
    if (!(error instanceof SeqlabError)) throw error;
    return { notes: [`The gap between training and validation text was not measured. ${error.message}`] };
  }
}

interface Resident {
  built: BuiltModel;
  engine: Engine;
}

async function textsOf(stored: TrainedRun & TextRun, built: BuiltModel) {
  const { tokenizer, protocol } = stored;
  const { train, validation } = splitCorpus(await reloadCorpus(stored));
  const evaluated = (part: typeof train) =>
    textDataset({ name: part.name, split: { train: validation, validation: part }, tokenizer }).validation(
      built,
      protocol.config,
    );
  return { training: evaluated(train), validation: evaluated(validation), shape: protocol.config };
}

export const gapText = ({ bitsPerByte, validation, training, windows }: OverfittingGap): string =>
  `overfitting gap  ${decimals3(bitsPerByte)} bits per byte: validation ${decimals3(validation)} less training ${decimals3(training)}, ${windows} windows each\n`;
