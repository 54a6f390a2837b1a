/** From a command line to a run that is ready to train: a new one, or one that goes on. */
import { describeMachine, versions } from "../analysis/index.ts";
import { createRun, type Json, listRuns, openRun, type Run } from "../checkpoints/index.ts";
import { type Batches, fitTokenizer, splitCorpus } from "../data/index.ts";
import { createEngine, type Engine } from "../engine/index.ts";
import { type BuiltModel, buildSpec, loadSpec } from "../spec/index.ts";
import {
  assertObjective,
  assertSameFacts,
  type Dataset,
  type DatasetDescription,
  openDataset,
  stepsReaching,
  textDataset,
} from "../tasks/index.ts";
import { type TrainingConfig, trainingSchema } from "../train/index.ts";
import { readCorpus, tokenizerChoice } from "./data-options.ts";
import type { CallOf } from "./frame/command.ts";
import { note } from "./frame/output.ts";
import { failUsage } from "./frame/usage-error.ts";
import { wholeNumber } from "./frame/values.ts";
import {
  type RunProtocol,
  readRunInfo,
  reloadCorpus,
  runInfo,
  type TaskRun,
  type TextRun,
  taskData,
  textData,
} from "./run-info.ts";
import { filesOf, type TaskOption, taskOf } from "./task-options.ts";
import type { trainOptions } from "./train.ts";
import { type Fields, fieldsOf } from "./training-fields.ts";
import { trainingSettings } from "./training-options.ts";

type Call = CallOf<typeof trainOptions>;

export interface PreparedRun {
  run: Run;
  built: BuiltModel;
  dataset: Dataset;
  /** Of the training part. */
  batches: Batches;
  protocol: RunProtocol;
  /** Who trains the run closes it. */
  engine: Engine;
  resumed: boolean;
}

/** Reads spec and data, fits the tokenizer, opens the engine, and, where all that went well, makes the run's folder. */
export async function startRun({ args, operands: [name], given }: Call): Promise<PreparedRun> {
  if (name === undefined)
    return failUsage({
      code: "E_OPERAND",
      where: "seqlab train",
      expected: "SPEC, or --resume RUN",
      got: "nothing",
      hint: "seqlab train --help shows how.",
    });
  const settings = trainingSettings(args, validationSettings(args));
  const manner = mannerOf(args);
  const spec = loadSpec(name);
  const task = taskOf(args, { given, length: settings.training.length });
  const { dataset, data } = task === undefined ? await openText(args) : await openTask(task);
  assertObjective(dataset, spec);
  const built = buildSpec(spec, { tokens: dataset.tokens });
  const first = trainingSchema.parse({ ...settings.training, seed: seedOf(args), steps: 1 });
  const config = { ...first, steps: stepsOf(args, given, () => tokensBefore(dataset, built, first)) };
  const protocol = protocolOf({ ...settings, config }, manner);
  assertAverage(protocol);
  // Data too short for the settings leave no run behind.
  const batches = dataset.batches(built, config);
  dataset.validation(built, config);
  return withEngine(protocol, () => {
    const run = createRun(args.runs, args.name ?? freeName(args.runs, spec.name), runInfo(spec, data, protocol));
    return { run, built, dataset, batches, protocol, resumed: false };
  });
}

/** Adds a run's engine to what is prepared for it. */
async function withEngine(protocol: RunProtocol, prepare: () => Omit<PreparedRun, "engine">): Promise<PreparedRun> {
  const engine = await createEngine(protocol.engine, protocol);
  try {
    return { ...prepare(), engine };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

async function openText(args: Call["args"]) {
  const corpus = await readCorpus(args);
  const split = splitCorpus(corpus);
  const tokenizer = fitTokenizer(split.train.text, tokenizerChoice(args));
  const data = textData({ source: args.data, field: args.field, corpus, split, tokenizer });
  return { dataset: textDataset({ name: corpus.name, split, tokenizer }), data };
}

async function openTask(task: DatasetDescription) {
  const dataset = await openDataset(task);
  return { dataset, data: taskData(task, dataset) };
}

/** Tokens that so many steps predict. */
function tokensBefore(dataset: Dataset, built: BuiltModel, config: TrainingConfig): (steps: number) => number {
  const batches = dataset.batches(built, config);
  return (steps) => batches.tokensBefore?.(steps) ?? steps * config.batch * config.length;
}

const seedOf = ({ seed }: Call["args"]): number => wholeNumber("seed", seed, { least: 0, most: 2 ** 32 - 1 });

type Manner = Pick<RunProtocol, "checkpointEverySteps" | "evaluateEverySteps" | "keep" | "average" | "scoreExamples">;

function mannerOf(args: Call["args"]): Manner {
  const average = wholeNumber("average", args.average);
  return {
    checkpointEverySteps: wholeNumber("checkpoint-every", args["checkpoint-every"]),
    evaluateEverySteps: wholeNumber("evaluate-every", args["evaluate-every"]),
    keep: args.keep === undefined ? Math.max(2, average) : wholeNumber("keep", args.keep),
    average,
    scoreExamples:
      args["score-examples"] === undefined ? null : wholeNumber("score-examples", args["score-examples"], { least: 0 }),
  };
}

/** Throws E_OPTION where the run will not have as many checkpoints as the final evaluation is to average. */
function assertAverage({ average, keep, checkpointEverySteps, config: { steps } }: RunProtocol): void {
  const made = Math.ceil(steps / checkpointEverySteps);
  if (average <= Math.min(keep, made)) return;
  failUsage({
    code: "E_OPTION",
    where: "--average",
    expected: `at most ${Math.min(keep, made)} checkpoints`,
    got: String(average),
    hint:
      keep < average
        ? `Add --keep ${average}.`
        : `${steps} steps with --checkpoint-every ${checkpointEverySteps} make ${made}; make that smaller.`,
  });
}

function protocolOf(
  { config, engine, threads }: { config: TrainingConfig; engine: RunProtocol["engine"]; threads: number },
  manner: Manner,
): RunProtocol {
  return {
    seqlab: versions()["seqlab"]!,
    created: new Date().toISOString(),
    config,
    engine,
    threads,
    ...manner,
    versions: versions(),
    machine: { ...describeMachine(threads) },
  };
}

/** What evaluations decide and how steps are handed over: settings of single trainings only. */
function validationSettings(args: Call["args"]): Fields {
  const { patience, plateau, "keep-best": keepBest, "steps-per-call": stepsPerCall } = args;
  const validation = {
    ...(plateau !== undefined && { plateau: fieldsOf("plateau", plateau) }),
    ...(patience !== undefined && { patience: wholeNumber("patience", patience) }),
    ...(keepBest && { keepBest }),
  };
  return {
    ...(Object.keys(validation).length > 0 && { validation }),
    ...(stepsPerCall !== undefined && { stepsPerCall: wholeNumber("steps-per-call", stepsPerCall, { most: 10_000 }) }),
  };
}

const defaultSteps = 1000;

function stepsOf(
  { steps, tokens }: Call["args"],
  given: Call["given"],
  before: () => (steps: number) => number,
): number {
  if (given.has("steps") && given.has("tokens"))
    failUsage({ code: "E_OPTION", where: "--tokens", expected: "either --steps or --tokens", got: "both" });
  if (tokens !== undefined) return stepsReaching(wholeNumber("tokens", tokens), before());
  return steps === undefined ? defaultSteps : wholeNumber("steps", steps);
}

/** `llama-1`, or the next number that no run has. */
function freeName(root: string, spec: string): string {
  const taken = new Set(listRuns(root).map(({ name }) => name));
  let number = 1;
  while (taken.has(`${spec}-${number}`)) number++;
  return `${spec}-${number}`;
}

/** Where the data of a run are now, if they have moved. */
const movedFiles = [
  "data",
  ...([
    "source",
    "target",
    "pairs",
    "validation-source",
    "validation-target",
    "validation-pairs",
  ] satisfies TaskOption[]),
];
const resumeOptions = new Set(["resume", "runs", "json", "debug", ...movedFiles]);

/** Opens a run with its own settings; its data must still be the same. */
export async function reopenRun({ args, operands, given }: Call): Promise<PreparedRun> {
  const other = [...given].find((option) => !resumeOptions.has(option));
  const got = operands[0] ?? (other === undefined ? undefined : `--${other}`);
  if (got !== undefined)
    failUsage({
      code: "E_OPTION",
      where: "--resume",
      expected: "no spec and no settings: those of the run hold",
      got,
      hint: "Leave it out, or start a new run.",
    });
  const run = openRun(args.runs, args.resume!);
  const stored = readRunInfo(run);
  const dataset =
    stored.kind === "text"
      ? await reopenText(stored, given.has("data") ? args.data : undefined)
      : await reopenTask(stored, args);
  warnOfVersions(stored.protocol);
  const built = buildSpec(stored.spec, { tokens: stored.tokens });
  const { protocol } = stored;
  const batches = dataset.batches(built, protocol.config);
  return withEngine(protocol, () => ({ run, built, dataset, batches, protocol, resumed: true }));
}

async function reopenText(stored: TextRun, source: string | undefined): Promise<Dataset> {
  const corpus = await reloadCorpus(stored, source);
  return textDataset({ name: corpus.name, split: splitCorpus(corpus), tokenizer: stored.tokenizer });
}

/** From where the files were, or from where the options say. Throws E_DATA_CHANGED where they are others. */
async function reopenTask({ data: { task, facts }, codec }: TaskRun, args: Call["args"]): Promise<Dataset> {
  const dataset = await openDataset(moved(task, args), codec?.toJSON());
  assertSameFacts(dataset, facts);
  return dataset;
}

function moved(task: DatasetDescription, args: Call["args"]): DatasetDescription {
  if (task.kind !== "translate") return task;
  const [train, validation] = [filesOf(args, ""), filesOf(args, "validation-")];
  const kept = ({ format, fields }: (typeof task)["train"]) => ({
    ...(format && { format }),
    ...(fields && { fields }),
  });
  return {
    ...task,
    ...(train && { train: { ...kept(task.train), ...train } }),
    ...(validation && { validation: { ...kept(task.validation ?? task.train), ...validation } }),
  };
}

/** Bytes are promised for one CPU type, engine and thread count only. */
function warnOfVersions({ versions: stored, machine }: RunProtocol): void {
  const now: Record<string, Json> = { ...versions(), cpu: describeMachine(1).cpu };
  const then: Record<string, Json> = { ...stored, cpu: (machine as { cpu?: string }).cpu ?? null };
  const changed = Object.keys(now).filter((key) => now[key] !== then[key]);
  if (changed.length > 0)
    note(
      `note: ${changed.join(", ")} changed since the run began; its last digits may differ from an uninterrupted run's.`,
    );
}
