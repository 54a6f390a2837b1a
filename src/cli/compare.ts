import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { ArgsDef } from "citty";
import { type Comparison, type ComparisonOptions, compare, parseBudget, parseSize } from "../analysis/index.ts";
import { renderComparison } from "../report/index.ts";
import { loadSpec, shippedSpecs } from "../spec/index.ts";
import { fail } from "../tensor/index.ts";
import {
  assertWritable,
  freshFolder,
  newestFolder,
  recallTyped,
  rememberTyped,
  type Typed,
} from "./comparison-folder.ts";
import { createComparisonProgress } from "./comparison-progress.ts";
import { comparisonText, quickText } from "./comparison-text.ts";
import { dataOptions, readCorpus, tokenizerChoice } from "./data-options.ts";
import { type CallOf, defineSeqlabCommand } from "./frame/command.ts";
import { Interrupted, listenForInterrupts } from "./frame/interrupt.ts";
import { note, printData, printJson } from "./frame/output.ts";
import { commandLine, shellWord } from "./frame/shell.ts";
import { wholeNumber } from "./frame/values.ts";
import { quickContexts, quickSettings } from "./quick.ts";
import { trainingOptions, trainingSettings } from "./training-options.ts";

const compareOptions = {
  ...dataOptions,
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
      "training of each model and seed: tokens=N, flops=N or minutes=N (turned into tokens by a timed trial)",
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

type Call = CallOf<typeof compareOptions>;

export const compareCommand = defineSeqlabCommand({
  name: "compare",
  summary: "train architectures under one size and one budget, and rank them",
  about: [
    "Brings every spec to one size, trains each with the same data, order and tokens, and measures validation bits per byte, training and decoding speed, time to the first token, peak memory and state size, each training in a process of its own. Prints a leaderboard and writes a report.",
    "Ctrl-C keeps finished jobs and prints the command that goes on.",
  ],
  operands: [
    {
      name: "SPECS",
      count: "any",
      description: `shipped specs or files (JSON, YAML); none: ${shippedSpecs().join(", ")}`,
    },
  ],
  options: compareOptions,
  examples: [
    { command: "seqlab compare --quick", effect: "a first look at all shipped architectures, in minutes" },
    {
      command: "seqlab compare llama mamba-2 hybrid --data notes.txt --budget minutes=10",
      effect: "which of three fits your text",
    },
    {
      command: "seqlab compare a.yaml b.yaml --size as-is --budget flops=1e13 --seeds 3 --json",
      effect: "your own specs as they are, the figures as JSON",
    },
    { command: "seqlab compare --resume", effect: "goes on with the newest comparison below runs" },
  ],
  async run(call) {
    const interrupts = listenForInterrupts(() => note("\nStopping; finished jobs are kept."));
    try {
      await runComparison(call, interrupts.signal);
    } finally {
      interrupts.dispose();
    }
  },
});

async function runComparison(call: Call, signal: AbortSignal): Promise<void> {
  const { folder, typed } = begin(call);
  const settings = resolveSettings(call.args, typed.options);
  assertWritable(settings.report);
  const options = await optionsOf(typed, { settings, folder });
  if (!call.args.resume) rememberTyped(folder, typed);
  if (settings.quick) note(quickText());
  const comparison = await compareShown(options, signal).catch((error: unknown) =>
    explainResume(error, { folder, signal }),
  );
  writeResults(comparison, { folder, report: settings.report });
  if (call.args.json) printJson(comparison);
  else printData(comparisonText(comparison, { report: resolve(settings.report), quick: settings.quick }));
}

/** The working folder, and what was typed now or when it was made. */
function begin({ args, operands, given }: Call): { folder: string; typed: Typed } {
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

function typedOptions(args: Call["args"], given: Call["given"]): Typed["options"] {
  const values: Readonly<Record<string, unknown>> = args;
  return Object.fromEntries(
    [...given].filter((name) => !manner.has(name)).map((name) => [name, values[name] as string | boolean]),
  );
}

/** Options typed, else those of a quick look where that was asked for, else the defaults. */
function resolveSettings(args: Call["args"], typed: Typed["options"]): Call["args"] {
  return { ...args, ...(typed["quick"] === true && quickSettings), ...typed } as Call["args"];
}

async function optionsOf(
  typed: Typed,
  { settings, folder }: { settings: Call["args"]; folder: string },
): Promise<ComparisonOptions> {
  const seeds = wholeNumber("seeds", settings.seeds, { most: 1000 });
  const shared = {
    size: parseSize(settings.size),
    budget: parseBudget(settings.budget),
    tokenizer: tokenizerChoice(settings),
    ...trainingSettings(settings),
  };
  const names = typed.operands.length > 0 ? typed.operands : shippedSpecs();
  return {
    ...shared,
    specs: names.map((name) => loadSpec(name)),
    corpus: await readCorpus(settings),
    seeds: Array.from({ length: seeds }, (_, seed) => seed),
    draws: 8,
    sampleTokens: 128,
    contexts: settings.quick ? quickContexts : measuredContexts,
    folder,
    command: [
      "seqlab compare",
      ...typed.operands.map(shellWord),
      ...Object.entries(typed.options).map(optionText),
    ].join(" "),
  };
}

const optionText = ([name, value]: [string, string | boolean]): string =>
  value === true ? `--${name}` : `--${name} ${shellWord(String(value))}`;

async function compareShown(options: ComparisonOptions, signal: AbortSignal): Promise<Comparison> {
  const { specs, seeds, budget } = options;
  const progress = createComparisonProgress({
    models: specs.length,
    seeds: seeds.length,
    trials: budget.measure === "minutes",
  });
  try {
    return await compare(options, { signal, onEvent: (event) => progress.show(event) });
  } finally {
    progress.end();
  }
}

/** However it ended early, what is finished is kept. */
function explainResume(error: unknown, { folder, signal }: { folder: string; signal: AbortSignal }): never {
  const lines = [
    `Finished jobs are kept in ${folder}. Go on with:`,
    `  ${commandLine(["compare", "--resume", "--folder", folder])}`,
  ];
  if (signal.aborted) throw new Interrupted({ signal, lines });
  lines.forEach((line) => void note(line));
  throw error;
}

/** The figures beside the jobs first: a report that cannot be written loses nothing. */
function writeResults(comparison: Comparison, { folder, report }: { folder: string; report: string }): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "comparison.json"), `${JSON.stringify(comparison)}\n`);
  try {
    writeFileSync(report, renderComparison(comparison));
  } catch (cause) {
    if (!(cause instanceof Error && "syscall" in cause)) throw cause;
    fail({
      code: "E_REPORT",
      where: report,
      expected: "a file that can be written",
      got: cause.message,
      hint: `The figures are in ${join(folder, "comparison.json")}.`,
      cause,
    });
  }
}
