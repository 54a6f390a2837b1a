/** From a command line to what is compared: options typed now or at the beginning, those of a quick look, defaults. */
import type { ArgsDef } from "citty";
import { type ComparedData, type ComparisonOptions, parseBudget, parseSize } from "../analysis/index.ts";
import type { ModelSpec } from "../model/index.ts";
import { loadSpec, shippedSpecs } from "../spec/index.ts";
import { openDataset } from "../tasks/index.ts";
import { freshFolder, newestFolder, recallTyped, type Typed } from "./comparison-folder.ts";
import { dataOptions, readCorpus, tokenizerChoice } from "./data-options.ts";
import type { CallOf } from "./frame/command.ts";
import { shellWord } from "./frame/shell.ts";
import { failUsage } from "./frame/usage-error.ts";
import { wholeNumber } from "./frame/values.ts";
import { quickContexts, quickSettings } from "./quick.ts";
import { taskOf, taskOptions } from "./task-options.ts";
import { trainingOptions, trainingSettings } from "./training-options.ts";

export const compareOptions = {
  ...dataOptions,
  ...taskOptions,
  "score-examples": {
    type: "string",
    valueHint: "N",
    description: "with --task: validation examples that each model and seed answers for the scores",
    default: "1000",
  },
  size: {
    type: "string",
    valueHint: "MEASURE=N|as-is",
    description:
      "params, activeParams or stateBytes (at 1,024 tokens) = N, reached within 3 % by width and by each component's own dial; as-is: the specs' own sizes",
    default: "params=0.5M",
  },
  budget: {
    type: "string",
    valueHint: "MEASURE=N",
    description:
      "training of each model and seed: tokens=N (of pairs: target tokens), flops=N or minutes=N (turned into tokens by a timed trial)",
    default: "tokens=1M",
  },
  seeds: {
    type: "string",
    valueHint: "N",
    description: "trainings of each model, with seeds 0 to N - 1",
    default: "2",
  },
  ...trainingOptions,
  report: {
    type: "string",
    valueHint: "FILE",
    description: "where the HTML report goes",
    default: "seqlab-report.html",
  },
  folder: {
    type: "string",
    valueHint: "DIR",
    description: "working folder (default: runs/compare-DATE-TIME; with --resume the newest)",
  },
  resume: {
    type: "boolean",
    description: "go on with an interrupted comparison: its settings hold where none are given, finished jobs are kept",
    default: false,
  },
  quick: {
    type: "boolean",
    description: "minutes instead of hours: small models, few tokens; options given beside it hold",
    default: false,
  },
} as const satisfies ArgsDef;

export type CompareCall = CallOf<typeof compareOptions>;

/** The working folder, and what was typed now or when it was made. */
export function begin({ args, operands, given }: CompareCall): { folder: string; typed: Typed } {
  const now = { operands: [...operands], options: typedOptions(args, given) };
  if (!args.resume) return { folder: args.folder ?? freshFolder(), typed: now };
  const folder = args.folder ?? newestFolder();
  const then = recallTyped(folder);
  return {
    folder,
    typed: {
      operands: operands.length > 0 ? now.operands : then.operands,
      options: { ...then.options, ...now.options },
    },
  };
}

/** Context lengths, in tokens, at which decoding is timed. */
const measuredContexts = [1024, 16_384, 262_144];

/** Options that say how to work, not what to compare. */
const manner = new Set(["resume", "folder", "json", "debug"]);

function typedOptions(args: CompareCall["args"], given: CompareCall["given"]): Typed["options"] {
  const values: Readonly<Record<string, unknown>> = args;
  return Object.fromEntries(
    [...given].filter((name) => !manner.has(name)).map((name) => [name, values[name] as string | boolean]),
  );
}

/** Options typed, else those of a quick look where that was asked for, else the defaults. */
export function resolveSettings(args: CompareCall["args"], typed: Typed["options"]): CompareCall["args"] {
  return { ...args, ...(typed["quick"] === true && quickSettings), ...typed } as CompareCall["args"];
}

export async function optionsOf(
  typed: Typed,
  { settings, folder }: { settings: CompareCall["args"]; folder: string },
): Promise<ComparisonOptions> {
  const seeds = wholeNumber("seeds", settings.seeds, { most: 1000 });
  const training = trainingSettings(settings);
  const data = await comparedData(typed, { settings, length: training.training.length });
  const specs = namedSpecs(typed.operands, settings, data);
  assertAlike(specs, data);
  return {
    size: parseSize(settings.size),
    budget: parseBudget(settings.budget),
    ...training,
    specs,
    data,
    seeds: Array.from({ length: seeds }, (_, seed) => seed),
    draws: 8,
    sampleTokens: 128,
    contexts: settings.quick || data.kind === "dataset" ? quickContexts : measuredContexts,
    folder,
    command: [
      "seqlab compare",
      ...typed.operands.map(shellWord),
      ...Object.entries(typed.options).map(optionText),
    ].join(" "),
  };
}

/** Tasks that encoder–decoders are made for. */
const ofPairs = new Set<string | undefined>(["g2p", "translate", "parsing"]);

/** What is compared where no spec is named: encoder–decoders of one size on pairs, else what the gallery has for the data. */
function namedSpecs(operands: readonly string[], { task }: CompareCall["args"], data: ComparedData): ModelSpec[] {
  if (operands.length > 0) return operands.map((name) => loadSpec(name));
  const specs = (ofPairs.has(task) ? shippedSpecs("g2p") : shippedSpecs()).map((name) => loadSpec(name));
  if (data.kind === "text") return specs;
  return specs.filter(({ objective }) => data.dataset.objectives.some((kind) => kind === objective.kind));
}

/** On a task that serves both, tokens of a budget are those of questions and answers here, of answers alone there. */
function assertAlike(specs: readonly ModelSpec[], data: ComparedData): void {
  if (data.kind === "text") return;
  const kinds = data.dataset.objectives.filter((kind) => specs.some(({ objective }) => objective.kind === kind));
  if (kinds.length < 2) return;
  failUsage({
    code: "E_OPTION",
    where: `--task ${data.dataset.kind}`,
    expected: "specs of one objective: a budget's tokens mean the same to them",
    got: kinds.map((kind) => `"${kind}"`).join(" and "),
    hint: "Compare encoder–decoders with one another, and decoders with one another.",
  });
}

async function comparedData(
  typed: Typed,
  { settings, length }: { settings: CompareCall["args"]; length: number },
): Promise<ComparedData> {
  const given = new Set(Object.keys(typed.options));
  const description = taskOf(settings, { given, length });
  if (description === undefined)
    return { kind: "text", corpus: await readCorpus(settings), tokenizer: tokenizerChoice(settings) };
  const examples = wholeNumber("score-examples", settings["score-examples"], { least: 0 });
  return { kind: "dataset", dataset: await openDataset(description), description, examples };
}

const optionText = ([name, value]: [string, string | boolean]): string =>
  value === true ? `--${name}` : `--${name} ${shellWord(String(value))}`;
