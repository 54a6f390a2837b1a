/** What `seqlab train` stores in `run.json`, and reads back to go on or to generate. */
import { resolve } from "node:path";
import { z } from "zod";
import { type Json, parseStored, type Run, type RunInfo } from "../checkpoints/index.ts";
import { type Corpus, type CorpusSplit, loadCorpus, type Tokenizer, tokenizerFromJSON } from "../data/index.ts";
import type { ModelSpec } from "../model/index.ts";
import { canonicalSpec } from "../spec/index.ts";
import { fail } from "../tensor/index.ts";
import { trainingSchema } from "../train/index.ts";

const dataSchema = z.strictObject({
  /** `builtin`, or the absolute path that the file had. */
  source: z.string(),
  name: z.string(),
  /** Key of JSONL texts. */
  field: z.string().nullable(),
  sha256: z.string(),
  bytes: z.int().positive(),
  trainBytes: z.int().positive(),
  validationBytes: z.int().positive(),
  tokenizer: z.json(),
});

const protocolSchema = z.strictObject({
  seqlab: z.string(),
  created: z.string(),
  config: trainingSchema,
  engine: z.enum(["node", "reference"]),
  threads: z.int().positive(),
  checkpointEverySteps: z.int().positive(),
  evaluateEverySteps: z.int().positive(),
  versions: z.record(z.string(), z.string()),
  machine: z.json(),
});

export type RunProtocol = z.output<typeof protocolSchema>;
type RunData = z.output<typeof dataSchema>;

/** A run's `run.json`, its parts typed. */
export interface TrainedRun {
  spec: ModelSpec;
  data: RunData;
  tokenizer: Tokenizer;
  protocol: RunProtocol;
}

interface RunFacts {
  spec: ModelSpec;
  source: string;
  field: string | undefined;
  corpus: Corpus;
  split: CorpusSplit;
  tokenizer: Tokenizer;
  protocol: RunProtocol;
}

export function runInfo({ spec, source, field, corpus, split, tokenizer, protocol }: RunFacts): RunInfo {
  const data: RunData = {
    source: source === "builtin" ? source : resolve(source),
    name: corpus.name,
    field: field ?? null,
    sha256: corpus.sha256,
    bytes: corpus.bytes,
    trainBytes: split.train.bytes,
    validationBytes: split.validation.bytes,
    tokenizer: tokenizer.toJSON() as unknown as z.output<ReturnType<typeof z.json>>,
  };
  return { spec: spec as unknown as Json, data, protocol };
}

/** Throws E_RUN_FILE or a spec's error where `run.json` is not what `seqlab train` writes. */
export function readRunInfo({ path, info }: Run): TrainedRun {
  const source = (part: string) => ({
    where: `${path}/run.json: ${part}`,
    code: "E_RUN_FILE" as const,
    hint: "Only runs of seqlab train can be resumed or generate.",
  });
  const data = parseStored(dataSchema, info.data, source("data"));
  const protocol = parseStored(protocolSchema, info.protocol, source("protocol"));
  return {
    spec: canonicalSpec(info.spec, `${path}/run.json`),
    data,
    tokenizer: tokenizerFromJSON(data.tokenizer),
    protocol,
  };
}

/** The run's text again, from where it was or from `source`. Throws E_DATA_CHANGED where it is another. */
export async function reloadCorpus({ data }: TrainedRun, source: string = data.source): Promise<Corpus> {
  const corpus = await loadCorpus(source, { ...(data.field !== null && { field: data.field }) });
  if (corpus.sha256 === data.sha256) return corpus;
  return fail({
    code: "E_DATA_CHANGED",
    where: source,
    expected: `the text the run was started with (SHA-256 ${data.sha256.slice(0, 12)}…, ${data.bytes} bytes)`,
    got: `${corpus.sha256.slice(0, 12)}…, ${corpus.bytes} bytes`,
    hint: "Put the former file back, name it with --data, or start a new run. All checkpoints are kept.",
  });
}
