/** From a command line to a run that is ready to train: a new one, or one that goes on. */
import { describeMachine, versions } from "../analysis/index.ts";
import { createRun, type Json, listRuns, openRun, type Run } from "../checkpoints/index.ts";
import { type CorpusSplit, fitTokenizer, splitCorpus, type Tokenizer } from "../data/index.ts";
import { type BuiltModel, buildSpec, loadSpec } from "../spec/index.ts";
import { trainingSchema } from "../train/index.ts";
import { readCorpus, tokenizerChoice } from "./data-options.ts";
import type { CallOf } from "./frame/command.ts";
import { note } from "./frame/output.ts";
import { failUsage } from "./frame/usage-error.ts";
import { wholeNumber } from "./frame/values.ts";
import { type RunProtocol, readRunInfo, reloadCorpus, runInfo } from "./run-info.ts";
import type { trainOptions } from "./train.ts";
import { trainingSettings } from "./training-options.ts";

type Call = CallOf<typeof trainOptions>;

export interface PreparedRun {
  run: Run;
  built: BuiltModel;
  split: CorpusSplit;
  tokenizer: Tokenizer;
  protocol: RunProtocol;
  resumed: boolean;
}

/** Reads spec and data, fits the tokenizer, and makes the run's folder. */
export async function startRun({ args, operands: [name], given }: Call): Promise<PreparedRun> {
  if (name === undefined)
    return failUsage({
      code: "E_OPERAND",
      where: "seqlab train",
      expected: "SPEC, or --resume RUN",
      got: "nothing",
      hint: "seqlab train --help shows how.",
    });
  const protocol = protocolOf(args, given);
  const spec = loadSpec(name);
  const corpus = await readCorpus(args);
  const split = splitCorpus(corpus);
  const tokenizer = fitTokenizer(split.train.text, tokenizerChoice(args));
  const built = buildSpec(spec, { tokens: tokenizer.size });
  const info = runInfo({ spec, source: args.data, field: args.field, corpus, split, tokenizer, protocol });
  const run = createRun(args.runs, args.name ?? freeName(args.runs, spec.name), info);
  return { run, built, split, tokenizer, protocol, resumed: false };
}

function protocolOf(args: Call["args"], given: Call["given"]): RunProtocol {
  const { training, threads } = trainingSettings(args);
  const seed = wholeNumber("seed", args.seed, { least: 0, most: 2 ** 32 - 1 });
  return {
    seqlab: versions()["seqlab"]!,
    created: new Date().toISOString(),
    config: trainingSchema.parse({ ...training, seed, steps: stepsOf(args, given, training.batch * training.length) }),
    engine: args.engine,
    threads,
    checkpointEverySteps: wholeNumber("checkpoint-every", args["checkpoint-every"]),
    evaluateEverySteps: wholeNumber("evaluate-every", args["evaluate-every"]),
    versions: versions(),
    machine: { ...describeMachine(threads) },
  };
}

const defaultSteps = 1000;

function stepsOf({ steps, tokens }: Call["args"], given: Call["given"], tokensPerStep: number): number {
  if (given.has("steps") && given.has("tokens"))
    failUsage({ code: "E_OPTION", where: "--tokens", expected: "either --steps or --tokens", got: "both" });
  if (tokens !== undefined) return Math.ceil(wholeNumber("tokens", tokens) / tokensPerStep);
  return steps === undefined ? defaultSteps : wholeNumber("steps", steps);
}

/** `llama-1`, or the next number that no run has. */
function freeName(root: string, spec: string): string {
  const taken = new Set(listRuns(root).map(({ name }) => name));
  let number = 1;
  while (taken.has(`${spec}-${number}`)) number++;
  return `${spec}-${number}`;
}

const resumeOptions = new Set(["resume", "runs", "data", "json", "debug"]);

/** Opens a run with its own settings; its text must still be the same. */
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
  const corpus = await reloadCorpus(stored, given.has("data") ? args.data : undefined);
  warnOfVersions(stored.protocol);
  const built = buildSpec(stored.spec, { tokens: stored.tokenizer.size });
  return {
    run,
    built,
    split: splitCorpus(corpus),
    tokenizer: stored.tokenizer,
    protocol: stored.protocol,
    resumed: true,
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
