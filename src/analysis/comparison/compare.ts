import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { EngineKind } from "../../engine/index.ts";
import { type ModelSpec, parameterCount } from "../../model/index.ts";
import { buildSpec } from "../../spec/index.ts";
import { stepsWithin } from "../../tasks/index.ts";
import { fail } from "../../tensor/index.ts";
import { type TrainingConfig, type TrainingInput, trainingSchema } from "../../train/index.ts";
import { trainFlopsPerToken } from "../cost.ts";
import { assembleResult } from "./assemble.ts";
import type { Job, JobProgress, Outcomes, TrainJob, Writing } from "./jobs.ts";
import { type ComparedData, type PreparedData, prepareData } from "./prepare.ts";
import { protocolOf } from "./protocol.ts";
import type { Comparison, ComparisonResult } from "./results.ts";
import { runJob } from "./run-job.ts";
import type { BudgetMeasure, Setting, SizeMeasure } from "./settings.ts";
import { equalise, type Sized } from "./sizing.ts";
import { jobHash, openStore } from "./store.ts";
import { knownWordShare, wordsOf } from "./words.ts";

export interface ComparisonOptions {
  specs: readonly ModelSpec[];
  data: ComparedData;
  size: Setting<SizeMeasure> | undefined;
  budget: Setting<BudgetMeasure>;
  seeds: readonly number[];
  training: Omit<TrainingInput, "steps" | "seed">;
  /** Default "node". */
  engine?: EngineKind;
  threads: number;
  /** Draws of upper bounds. */
  draws: number;
  /** Tokens of each model's sample. */
  sampleTokens: number;
  /** Contexts, in tokens, at which decoding is timed. */
  contexts: readonly number[];
  /** Where ids, weights and outcomes of finished jobs lie; a later run with the same folder goes on from them. */
  folder: string;
  /** As typed, for the protocol. */
  command: string;
}

/** What happens while a comparison runs. */
export type ComparisonEvent =
  | { kind: "prepare"; what: "data" | "sizes" }
  | { kind: "plan"; models: readonly Sized[]; jobs: number; steps: Readonly<Record<string, number>> }
  | { kind: "start"; job: Job; index: number; jobs: number }
  | { kind: "progress"; job: Job; index: number; jobs: number; progress: JobProgress }
  | { kind: "end"; job: Job; index: number; jobs: number; outcome: Outcomes[keyof Outcomes]; reused: boolean };

interface Hooks {
  signal?: AbortSignal;
  onEvent?: (event: ComparisonEvent) => void;
}

/** One model of the comparison, sized, with its number of steps. */
interface Contender extends Sized {
  steps: number;
}

/** Trains and measures every spec under one size and budget, each job in a process of its own, one after the other. */
export async function compare(options: ComparisonOptions, hooks: Hooks = {}): Promise<Comparison> {
  const started = performance.now();
  assertNames(options.specs);
  const folder = resolve(options.folder);
  mkdirSync(folder, { recursive: true });
  hooks.onEvent?.({ kind: "prepare", what: "data" });
  const data = prepareData(options.data, folder);
  options.specs.forEach(data.assertServes);
  const run = jobRunner(folder, options, hooks);
  hooks.onEvent?.({ kind: "prepare", what: "sizes" });
  const sized = options.specs.map((spec) => sizeOne(spec, options, data));
  const contenders: Contender[] = [];
  for (const model of sized) contenders.push({ ...model, steps: await stepsOf(model, { options, data, run }) });
  run.announce(contenders);
  const results: ComparisonResult[] = [];
  let baselineBytes = 0;
  for (const contender of contenders) {
    const jobs = options.seeds.map((seed) => trainingJob(contender, { options, data, seed, folder }));
    const trained: Outcomes["train"][] = [];
    for (const job of jobs) trained.push(await run.do(job));
    const decoded = await run.do(decodingJob(jobs[0]!, { options, data }));
    baselineBytes = Math.max(baselineBytes, trained[0]!.baselineBytes);
    const trainedTokens = data.tokensBefore(contender.spec, jobs[0]!.config)(contender.steps);
    results.push(assembleResult(contender, { jobs, trained, decoded, tokens: data.tokens, trainedTokens }));
  }
  results.sort((a, b) => a.bitsPerByte.mean - b.bitsPerByte.mean);
  const wordShare = await measureWords(results, { contenders, options, data, run, folder });
  const seconds = (performance.now() - started) / 1000;
  return {
    protocol: protocolOf(options, { data, results, baselineBytes, seconds }),
    results,
    ...(wordShare && { wordShare }),
  };
}

/** Results and files are told apart by the specs' names. */
function assertNames(specs: readonly ModelSpec[]): void {
  const names = specs.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    fail({
      code: "E_COMPARE_NAMES",
      where: "specs",
      expected: "a different name for each",
      got: `"${twice}" twice`,
      hint: "Change the key name in one of the files.",
    });
}

function sizeOne(spec: ModelSpec, { size }: ComparisonOptions, { tokens }: PreparedData): Sized {
  if (size !== undefined) return equalise(spec, { size, tokens });
  return { spec, tuned: {}, reached: parameterCount(buildSpec(spec, { tokens }).model.parameters) };
}

interface Runner {
  do<J extends Job>(job: J): Promise<Outcomes[J["kind"]]>;
  announce(contenders: readonly Contender[]): void;
}

/** Jobs of a comparison: trials, trainings, measurements of decoding, and two samples of the best next-token model. */
function countJobs({ seeds, specs, budget, data }: ComparisonOptions): number {
  const trials = budget.measure === "minutes" ? specs.length : 0;
  const samples = data.kind === "text" && specs.some(({ objective }) => objective.kind === "next-token") ? 2 : 0;
  return trials + specs.length * (seeds.length + 1) + samples;
}

function jobRunner(folder: string, options: ComparisonOptions, { signal, onEvent }: Hooks): Runner {
  const store = openStore(folder);
  const jobs = countJobs(options);
  let index = 0;
  return {
    announce: (contenders) =>
      onEvent?.({
        kind: "plan",
        models: contenders,
        jobs,
        steps: Object.fromEntries(contenders.map(({ spec, steps }) => [spec.name, steps])),
      }),
    async do(job) {
      signal?.throwIfAborted();
      const at = { job, index: index++, jobs };
      onEvent?.({ kind: "start", ...at });
      const known = store.find(job);
      const outcome =
        known ??
        (await runJob(job, { signal, onProgress: (progress) => onEvent?.({ kind: "progress", ...at, progress }) }));
      if (known === undefined) store.keep(job, outcome);
      onEvent?.({ kind: "end", ...at, outcome, reused: known !== undefined });
      return outcome;
    },
  };
}

const trialSeconds = 3;

/** Optimizer steps that the budget buys a model. */
async function stepsOf(
  { spec }: Sized,
  { options, data, run }: { options: ComparisonOptions; data: PreparedData; run: Runner },
): Promise<number> {
  const { budget, engine = "node", threads } = options;
  const config = trainingSchema.parse({ ...options.training, steps: 1 });
  const within = (tokens: number) => stepsWithin(tokens, data.tokensBefore(spec, config));
  if (budget.measure === "tokens") return within(budget.value);
  if (budget.measure === "flops") return Math.max(1, Math.floor(budget.value / flopsPerStep(spec, config, data)));
  const job = {
    kind: "trial" as const,
    ...{ spec, tokens: data.tokens, engine, threads, data: data.job },
    config: { ...config, steps: 1_000_000 },
    seconds: trialSeconds,
  };
  const { tokensPerS } = await run.do(job);
  return within(budget.value * 60 * tokensPerS);
}

/** Of a batch without padding. */
function flopsPerStep(spec: ModelSpec, config: TrainingConfig, { tokens }: PreparedData): number {
  return trainFlopsPerToken(buildSpec(spec, { tokens }), config) * config.batch * config.length;
}

function trainingJob(
  { spec, steps }: Contender,
  { options, data, seed, folder }: { options: ComparisonOptions; data: PreparedData; seed: number; folder: string },
): TrainJob {
  const job = {
    kind: "train" as const,
    spec,
    tokens: data.tokens,
    engine: options.engine ?? ("node" as const),
    threads: options.threads,
    config: trainingSchema.parse({ ...options.training, steps, seed }),
    data: data.job,
    draws: options.draws,
  };
  return { ...job, weights: join(folder, `${spec.name}-seed${seed}-${jobHash(job, folder)}.safetensors`) };
}

function decodingJob(
  { spec, tokens, engine, threads, weights, config }: TrainJob,
  { options, data }: { options: ComparisonOptions; data: PreparedData },
) {
  return {
    kind: "decode" as const,
    spec,
    tokens,
    engine,
    threads,
    weights,
    data: data.job,
    ...(data.text && { writing: writingOf(data.text, options.sampleTokens) }),
    context: config.length,
    seed: 0,
    contexts: options.contexts,
  };
}

const promptLength = 120;

/** The first whole words of the validation text are the prompt. */
function writingOf({ split, tokenizer }: NonNullable<PreparedData["text"]>, sampleTokens: number): Writing {
  const words = split.validation.text.slice(0, 2 * promptLength).replace(/^\S*\s+/, "");
  const prompt = words.slice(0, promptLength).replace(/\S*$/, "").trimEnd();
  return { tokenizer: tokenizer.toJSON(), prompt, sampleTokens };
}

interface Measured {
  contenders: readonly Contender[];
  options: ComparisonOptions;
  data: PreparedData;
  run: Runner;
  folder: string;
}

/** How many words that the best next-token model writes are words of the training text, and as many untrained. */
async function measureWords(
  results: readonly ComparisonResult[],
  { contenders, options, data, run, folder }: Measured,
): Promise<Comparison["wordShare"]> {
  const best = results.find(({ bitsPerByte }) => bitsPerByte.kind === "exact");
  const contender = contenders.find(({ spec }) => spec.name === best?.spec);
  if (contender === undefined || data.text === undefined) return undefined;
  const { kind: _, ...train } = trainingJob(contender, { options, data, seed: options.seeds[0]!, folder });
  const sample = {
    kind: "sample" as const,
    spec: train.spec,
    tokens: train.tokens,
    engine: train.engine,
    threads: train.threads,
    writing: writingOf(data.text, 4 * options.sampleTokens),
    context: train.config.length,
    seed: 0,
  };
  const vocabulary = new Set(wordsOf(data.text.split.train.text));
  const trained = knownWordShare((await run.do({ ...sample, weights: train.weights })).text, vocabulary);
  const untrained = knownWordShare((await run.do({ ...sample, weights: null })).text, vocabulary);
  return { spec: contender.spec.name, trained: trained.share, untrained: untrained.share, words: trained.words };
}
