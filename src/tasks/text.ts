import {
  assertLossless,
  type CorpusSplit,
  createBatches,
  createSpanBatches,
  type SpanOptions,
  type SpanTokens,
  spanWindows,
  type Tokenizer,
} from "../data/index.ts";
import { type BuiltModel, type ObjectiveDeclaration, type ObjectiveKind, objectives } from "../spec/index.ts";
import type { Dataset } from "./dataset.ts";

export interface TextOptions {
  name: string;
  split: CorpusSplit;
  tokenizer: Tokenizer;
}

/** Objectives whose models read text alone and answer at every token of it. */
const onText = Object.entries<ObjectiveDeclaration>(objectives)
  .filter(([, { source, per }]) => source !== "given" && per === undefined)
  .map(([kind]) => kind as ObjectiveKind);

/**
 * A text to be gone on with: windows of the training part, bits per byte of the validation part. Throws `E_TOKENIZER_LOSSY` for a
 * tokenizer from which the validation part does not come back.
 */
export function textDataset({ name, split: { train, validation }, tokenizer }: TextOptions): Dataset {
  assertLossless(tokenizer, [validation.text], `${name}: validation`);
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
    batches(built, { seed, batch, length }) {
      const windows = { ids, seed, batch, length };
      const spans = spansOf(built);
      return spans ? createSpanBatches({ ...windows, ...spans }) : createBatches(windows);
    },
    validation(built, { batch, length }) {
      const spans = spansOf(built);
      if (spans === undefined) return held;
      return { windows: spanWindows(held.ids, { ...spans, length, multipleOf: batch }), bytes: held.bytes };
    },
  };
}

/** How an encoder's source is made of the text, where the objective has one. */
function spansOf({ model: { spec }, extraTokens }: BuiltModel): (SpanOptions & SpanTokens) | undefined {
  const { source }: ObjectiveDeclaration = objectives[spec.objective.kind as ObjectiveKind];
  if (source !== "of-text") return undefined;
  const { start, end, sentinel0: sentinel } = extraTokens as Record<"start" | "end" | "sentinel0", number>;
  const { density, span, sentinels } = spec.objective as unknown as SpanOptions;
  return { density, span, sentinels, start, end, sentinel };
}
