/** What `seqlab train` stores in `run.json`, and reads back to go on or to generate. */
import { resolve } from "node:path";
import { z } from "zod";
import { type Json, parseStored, type Run, type RunInfo } from "../checkpoints/index.ts";
import { type Corpus, type CorpusSplit, loadCorpus, type Tokenizer, tokenizerFromJSON } from "../data/index.ts";
import { engineKinds } from "../engine/index.ts";
import type { ModelSpec } from "../model/index.ts";
import { canonicalSpec } from "../spec/index.ts";
import {
  type Codec,
  codecFromJSON,
  type Dataset,
  type DatasetDescription,
  datasetDescription,
} from "../tasks/index.ts";
import { fail } from "../tensor/index.ts";
import { trainingSchema } from "../train/index.ts";

const textSchema = z.strictObject({
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

const taskSchema = z.strictObject({
  kind: z.literal("task"),
  name: z.string(),
  /** How it is opened again; files by their absolute paths. */
  task: datasetDescription,
  /** What it was then. */
  facts: z.record(z.string(), z.json()),
  /** Ids of the data. */
  tokens: z.int().positive(),
  /** Text to ids and back; null where nothing is text. */
  codec: z.json().nullable(),
});

const protocolSchema = z.strictObject({
  seqlab: z.string(),
  created: z.string(),
  config: trainingSchema,
  engine: z.enum(engineKinds),
  threads: z.int().positive(),
  checkpointEverySteps: z.int().positive(),
  evaluateEverySteps: z.int().positive(),
  /** Newest checkpoints that are kept, how many of them the final evaluation takes the mean of, and answers it scores. */
  keep: z.int().positive().default(2),
  average: z.int().positive().default(1),
  scoreExamples: z.int().nonnegative().nullable().default(null),
  versions: z.record(z.string(), z.string()),
  machine: z.json(),
});

export type RunProtocol = z.output<typeof protocolSchema>;
type TextData = z.output<typeof textSchema>;
type TaskData = z.output<typeof taskSchema>;

/** A run on text: without a key `kind`, as all runs were at first. */
export interface TextRun {
  kind: "text";
  data: TextData;
  tokenizer: Tokenizer;
}

/** A run on a task's data. */
export interface TaskRun {
  kind: "task";
  data: TaskData;
  codec: Codec | undefined;
}

/** A run's `run.json`, its parts typed. `tokens` are the ids of its data. */
export type TrainedRun = { spec: ModelSpec; protocol: RunProtocol; tokens: number } & (TextRun | TaskRun);

interface TextFacts {
  source: string;
  field: string | undefined;
  corpus: Corpus;
  split: CorpusSplit;
  tokenizer: Tokenizer;
}

type StoredJson = z.output<ReturnType<typeof z.json>>;

export function textData({ source, field, corpus, split, tokenizer }: TextFacts): TextData {
  return {
    source: source === "builtin" ? source : resolve(source),
    name: corpus.name,
    field: field ?? null,
    sha256: corpus.sha256,
    bytes: corpus.bytes,
    trainBytes: split.train.bytes,
    validationBytes: split.validation.bytes,
    tokenizer: tokenizer.toJSON() as unknown as StoredJson,
  };
}

export function taskData(task: DatasetDescription, { name, facts, tokens, codec }: Dataset): TaskData {
  return {
    kind: "task",
    name,
    task: withAbsolutePaths(task),
    facts: facts as Record<string, StoredJson>,
    tokens,
    codec: codec === undefined ? null : (codec.toJSON() as unknown as StoredJson),
  };
}

function withAbsolutePaths(task: DatasetDescription): DatasetDescription {
  if (task.kind !== "translate") return task;
  type Files = (typeof task)["train"];
  const absolute = (files: Files): Files => ({
    ...files,
    source: resolve(files.source),
    ...(files.target !== undefined && { target: resolve(files.target) }),
  });
  return {
    ...task,
    train: absolute(task.train),
    ...(task.validation && { validation: absolute(task.validation) }),
  };
}

export const runInfo = (spec: ModelSpec, data: TextData | TaskData, protocol: RunProtocol): RunInfo => ({
  spec: spec as unknown as Json,
  data: data as unknown as Json,
  protocol,
});

/** Throws E_RUN_FILE or a spec's error where `run.json` is not what `seqlab train` writes. */
export function readRunInfo({ path, info }: Run): TrainedRun {
  const source = (part: string) => ({
    where: `${path}/run.json: ${part}`,
    code: "E_RUN_FILE" as const,
    hint: "Only runs of seqlab train can be resumed or generate.",
  });
  const protocol = parseStored(protocolSchema, info.protocol, source("protocol"));
  const spec = canonicalSpec(info.spec, `${path}/run.json`);
  if (!isTask(info.data)) {
    const data = parseStored(textSchema, info.data, source("data"));
    const tokenizer = tokenizerFromJSON(data.tokenizer);
    return { spec, protocol, kind: "text", data, tokenizer, tokens: tokenizer.size };
  }
  const data = parseStored(taskSchema, info.data, source("data"));
  const codec = data.codec === null ? undefined : codecFromJSON(data.codec);
  return { spec, protocol, kind: "task", data, codec, tokens: data.tokens };
}

const isTask = (data: Json): boolean => typeof data === "object" && data !== null && "kind" in data;

/** The run's text again, from where it was or from `source`. Throws E_DATA_CHANGED where it is another. */
export async function reloadCorpus({ data }: TextRun, source: string = data.source): Promise<Corpus> {
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
