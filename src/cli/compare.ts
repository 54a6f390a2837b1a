import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Comparison, type ComparisonOptions, compare } from "../analysis/index.ts";
import { renderComparison } from "../report/index.ts";
import { shippedSpecs } from "../spec/index.ts";
import { fail } from "../tensor/index.ts";
import { assertWritable, hasOutcomes, rememberTyped } from "./comparison-folder.ts";
import { createComparisonProgress } from "./comparison-progress.ts";
import { begin, type CompareCall, compareOptions, optionsOf, resolveSettings } from "./comparison-settings.ts";
import { comparisonText, quickText } from "./comparison-text.ts";
import { defineSeqlabCommand } from "./frame/command.ts";
import { Interrupted, listenForInterrupts } from "./frame/interrupt.ts";
import { note, printData, printJson } from "./frame/output.ts";
import { commandLine } from "./frame/shell.ts";

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
      description: `shipped specs or files (JSON, YAML); none: ${shippedSpecs().join(", ")} (of these, with --task, those that the task can train; for pairs ${shippedSpecs("g2p").join(", ")})`,
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

async function runComparison(call: CompareCall, signal: AbortSignal): Promise<void> {
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
  if (hasOutcomes(folder)) lines.forEach((line) => void note(line));
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
