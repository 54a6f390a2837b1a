import { type CorpusSplit, createBatches, type Tokenizer } from "../data/index.ts";
import { type ObjectiveKind, objectives } from "../spec/index.ts";
import type { Dataset } from "./dataset.ts";

export interface TextOptions {
  name: string;
  split: CorpusSplit;
  tokenizer: Tokenizer;
}

/** Objectives whose models read text alone and answer at every token of it. */
const onText = Object.entries<object>(objectives)
  .filter(([, one]) => !("source" in one) && !("per" in one))
  .map(([kind]) => kind as ObjectiveKind);

/** A text to be gone on with: windows of the training part, bits per byte of the validation part. */
export function textDataset({ name, split: { train, validation }, tokenizer }: TextOptions): Dataset {
  const ids = tokenizer.encode(train.text);
  const held = { ids: tokenizer.encode(validation.text), bytes: validation.bytes };
  return {
    kind: "text",
    name,
    objectives: onText,
    tokens: tokenizer.size,
    facts: {
      train: train.sha256,
      validation: validation.sha256,
      tokenizer: tokenizer.kind,
      vocabulary: tokenizer.size,
    },
    bitsPer: "byte",
    batches: (_, { seed, batch, length }) => createBatches({ ids, seed, batch, length }),
    validation: () => held,
  };
}
