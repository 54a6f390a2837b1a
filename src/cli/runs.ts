import { statSync } from "node:fs";
import { join } from "node:path";
import { listRuns, type MetricsRecord, type RunSummary, readMetrics } from "../checkpoints/index.ts";
import { calendarDate, decimals3, shortCount, whole } from "../report/index.ts";
import type { DatasetDescription } from "../tasks/index.ts";
import { SeqlabError } from "../tensor/index.ts";
import { defineSeqlabCommand } from "./frame/command.ts";
import { note, printData, printJson } from "./frame/output.ts";
import { renderTable } from "./frame/table.ts";
import { readRunInfo } from "./run-info.ts";

/** A run as `--json` lists it; what is not known is null. */
interface ListedRun {
  name: string;
  path: string;
  spec: string | null;
  data: string | null;
  /** Null for a run on text. */
  task: string | null;
  created: string | null;
  /** Steps done, as the metrics have them, and steps to do. */
  step: number;
  steps: number | null;
  tokens: number;
  /** Last training loss, nats per token. */
  loss: number | null;
  /** Last validation figure. */
  bitsPerByte: number | null;
  bitsPerByteKind: "exact" | "upper-bound" | "pseudo" | null;
  /** Steps that have a checkpoint. */
  checkpoints: number[];
  /** Why `run.json` or the metrics cannot be read. */
  problem: string | null;
}

export const runsCommand = defineSeqlabCommand({
  name: "runs",
  summary: "list the runs in a folder",
  about: [],
  operands: [],
  options: { runs: { type: "string", valueHint: "DIR", description: "folder of the runs", default: "runs" } },
  examples: [
    { command: "seqlab runs", effect: "a table of all runs below runs" },
    { command: "seqlab runs --runs elsewhere --json", effect: "the same of another folder, as JSON" },
  ],
  async run({ args }) {
    const listed = listRuns(args.runs).map(describeRun);
    if (args.json) return printJson(listed);
    if (listed.length === 0) return note(`No runs in ${args.runs}. seqlab train SPEC makes one.`);
    printData(table(listed));
    for (const { name, problem } of listed) if (problem !== null) note(`${name}: ${problem}`);
  },
});

function describeRun(run: RunSummary): ListedRun {
  const facts: ListedRun = {
    name: run.name,
    path: run.path,
    spec: null,
    data: null,
    task: null,
    created: null,
    step: run.steps.at(-1) ?? 0,
    steps: null,
    tokens: 0,
    loss: null,
    bitsPerByte: null,
    bitsPerByteKind: null,
    checkpoints: run.steps,
    problem: run.problem ?? null,
  };
  if (run.info === undefined) return facts;
  try {
    const opened = { name: run.name, path: run.path, info: run.info };
    const stored = readRunInfo(opened);
    const { spec, data, protocol } = stored;
    const task = stored.kind === "task" ? taskName(stored.data.task) : null;
    const known = { spec: spec.name, data: data.name, task, created: protocol.created, steps: protocol.config.steps };
    return { ...facts, ...known, ...measured(hasMetrics(run.path) ? readMetrics(opened) : []) };
  } catch (error) {
    if (error instanceof SeqlabError) return { ...facts, problem: error.message };
    throw error;
  }
}

/** As on the command line. */
const taskName = (task: DatasetDescription): string => (task.kind === "synthetic" ? task.task : task.kind);

const hasMetrics = (path: string): boolean =>
  statSync(join(path, "metrics.jsonl"), { throwIfNoEntry: false }) !== undefined;

function measured(records: readonly MetricsRecord[]): Partial<ListedRun> {
  const last = records.findLast((record) => "loss" in record);
  const evaluated = records.findLast((record) => "bitsPerByte" in record);
  return {
    ...(last && { step: last.step, tokens: Number(last["tokens"]), loss: Number(last["loss"]) }),
    ...(evaluated && {
      bitsPerByte: Number(evaluated["bitsPerByte"]),
      bitsPerByteKind: evaluated["bitsPerByteKind"] as ListedRun["bitsPerByteKind"],
    }),
  };
}

function table(runs: readonly ListedRun[]): string {
  const columns = [
    { head: "run", align: "left" },
    { head: "spec", align: "left" },
    { head: "data", align: "left" },
    { head: "steps", align: "right" },
    { head: "tokens", align: "right" },
    { head: "loss (nats/token)", align: "right" },
    { head: "bits per …", align: "left" },
    { head: "begun", align: "left" },
  ] as const;
  return renderTable(columns, runs.map(cells));
}

/** What the bits are per. */
const countedBy = (task: string | null): string =>
  task === null ? "byte" : task === "translate" || task === "g2p" ? "target byte" : "answer";

function cells({
  name,
  spec,
  data,
  task,
  step,
  steps,
  tokens,
  loss,
  bitsPerByte,
  bitsPerByteKind,
  created,
  problem,
}: ListedRun): string[] {
  if (problem !== null) return [name, "damaged"];
  const bound = bitsPerByteKind === "upper-bound" ? "≤ " : "";
  const bits = bitsPerByte === null ? "–" : `${bound}${decimals3(bitsPerByte)} ${countedBy(task)}`;
  return [
    name,
    spec ?? "–",
    data ?? "–",
    `${whole(step)} of ${whole(steps ?? 0)}`,
    shortCount(tokens),
    loss === null ? "–" : decimals3(loss),
    bits,
    calendarDate(created ?? ""),
  ];
}
