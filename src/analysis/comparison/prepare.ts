import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  assertLossless,
  type Corpus,
  type CorpusSplit,
  fitTokenizer,
  splitCorpus,
  type Tokenizer,
  type TokenizerChoice,
} from "../../data/index.ts";
import type { ModelSpec } from "../../model/index.ts";
import { type BuiltModel, buildSpec } from "../../spec/index.ts";
import { assertObjective, type Dataset, type DatasetDescription, datasetHash } from "../../tasks/index.ts";
import type { TrainingConfig } from "../../train/index.ts";
import type { JobData } from "./jobs.ts";
import type { Protocol } from "./results.ts";

/** What a comparison trains on: a text with a tokenizer to be fitted, or an opened dataset and how it is opened again. */
export type ComparedData =
  | { kind: "text"; corpus: Corpus; tokenizer: TokenizerChoice }
  | { kind: "dataset"; dataset: Dataset; description: DatasetDescription; examples: number };

/** Data as every job sees it. */
export interface PreparedData {
  /** Ids of the data. */
  tokens: number;
  job: JobData;
  /** Tokens that the first so many steps predict. */
  tokensBefore(spec: ModelSpec, config: TrainingConfig): (steps: number) => number;
  /** Throws E_TASK_OBJECTIVE for a spec that cannot be trained on them. */
  assertServes(spec: ModelSpec): void;
  protocol: Pick<Protocol, "data" | "tokenizer">;
  /** Where models go on with text. */
  text?: { split: CorpusSplit; tokenizer: Tokenizer };
}

export function prepareData(data: ComparedData, folder: string): PreparedData {
  return data.kind === "text" ? prepareText(data, folder) : prepareDataset(data);
}

/**
 * Splits a corpus, fits the tokenizer to the training text only, and writes both splits' ids to files in `folder`, named
 * after their content: a job on other data is another job.
 */
function prepareText(
  { corpus, tokenizer: choice }: Extract<ComparedData, { kind: "text" }>,
  folder: string,
): PreparedData {
  const split = splitCorpus(corpus);
  const tokenizer = fitTokenizer(split.train.text, choice);
  assertLossless(tokenizer, [split.validation.text], `${corpus.name}: validation`);
  const write = (name: string, text: string) => {
    const ids = tokenizer.encode(text);
    const bytes = Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength);
    const file = join(folder, `${name}-${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}.ids`);
    writeFileSync(file, bytes);
    return { file, count: ids.length };
  };
  const [train, validation] = [write("train", split.train.text), write("validation", split.validation.text)];
  const [trainBytes, validationBytes] = [split.train.bytes, split.validation.bytes];
  return {
    tokens: tokenizer.size,
    job: { kind: "text", trainIds: train.file, validationIds: validation.file, validationBytes },
    tokensBefore:
      (_, { batch, length }) =>
      (steps) =>
        steps * batch * length,
    assertServes: () => {},
    protocol: {
      data: { name: corpus.name, sha256: corpus.sha256, trainBytes, validationBytes },
      tokenizer: { kind: tokenizer.kind, size: tokenizer.size, bytesPerToken: trainBytes / train.count },
    },
    text: { split, tokenizer },
  };
}

function prepareDataset({ dataset, description, examples }: Extract<ComparedData, { kind: "dataset" }>): PreparedData {
  const { kind, name, facts, bitsPer, codec, tokens } = dataset;
  const sha256 = datasetHash(dataset);
  const built = (spec: ModelSpec): BuiltModel => buildSpec(spec, { tokens });
  const json = codec?.toJSON();
  const symbols = json?.kind === "phonemes" ? "letters and phonemes" : "symbols";
  return {
    tokens,
    job: { kind: "dataset", description, codec: json ?? null, sha256, examples },
    tokensBefore(spec, config) {
      const batches = dataset.batches(built(spec), config);
      return (steps) => batches.tokensBefore?.(steps) ?? steps * config.batch * config.length;
    },
    assertServes: (spec) => assertObjective(dataset, spec),
    protocol: {
      data: { name, sha256, trainBytes: null, validationBytes: null, task: { kind, bitsPer, facts: { ...facts } } },
      tokenizer: { kind: String(facts["tokenizer"] ?? symbols), size: tokens, bytesPerToken: null },
    },
  };
}
