import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  loadStudy,
  planCells,
  resultOf,
  runStudy,
  type Study,
  type StudyOptions,
  type StudyResult,
  shippedStudies,
} from "../analysis/index.ts";
import { holdsText, renderStudy, studyMarkdown, summaryText, tableOf, verdictText } from "../report/index.ts";
import { type CallOf, defineSeqlabCommand } from "./frame/command.ts";
import { Interrupted, listenForInterrupts } from "./frame/interrupt.ts";
import { note, printData, printJson } from "./frame/output.ts";
import { commandLine } from "./frame/shell.ts";
import { renderTable } from "./frame/table.ts";
import { wholeNumber } from "./frame/values.ts";
import { createStudyProgress } from "./study-progress.ts";

const options = {
  seeds: {
    type: "string",
    valueHint: "N",
    description: "trainings of each combination (default: as the study says, 3)",
  },
  larger: { type: "boolean", description: "the longer protocol of the study: more steps and seeds", default: false },
  runs: {
    type: "string",
    valueHint: "DIR",
    description: "folder of finished trainings and reports",
    default: "runs/studies",
  },
  workers: { type: "string", valueHint: "N", description: "trainings at the same time", default: "1" },
  threads: { type: "string", valueHint: "N", description: "threads of each training", default: "1" },
} as const;
type StudyCall = CallOf<typeof options>;

export const studyCommand = defineSeqlabCommand({
  name: "study",
  summary: "experiments on why architectures work: factors, seeds, tables with spread",
  about: [
    "A study is data: a spec, what varies in it, in its training or its data, seeds, and what is measured. Every combination is trained with every seed; each finished training is a file, so that an interrupted study goes on from there. The result is a table of means with their spread over seeds, statements with the number of seeds in which they hold, and figures, as one HTML file and as Markdown.",
    "Without a name the shipped studies are listed. A file of your own (JSON or YAML) is run in the same way.",
  ],
  operands: [{ name: "NAME", count: "optional", description: "a shipped study, or a file" }],
  options,
  examples: [
    { command: "seqlab study", effect: "the shipped studies and how many trainings they take" },
    { command: "seqlab study warmup", effect: "warm-up with norms behind and in front of sublayers, in minutes" },
    { command: "seqlab study heads --larger --workers 2", effect: "more steps and seeds, two trainings at a time" },
  ],
  async run(call) {
    const [name] = call.operands;
    if (name === undefined) return list(call.args.json);
    const interrupts = listenForInterrupts(() => note("\nStopping; finished trainings are kept."));
    try {
      await run(loadStudy(name), { ...call, name, signal: interrupts.signal });
    } finally {
      interrupts.dispose();
    }
  },
});

function list(json: boolean): void {
  const all = shippedStudies().map((name) => {
    const study = loadStudy(name);
    return { name, title: study.title, trainings: planCells(study).length, question: study.question };
  });
  if (json) {
    printJson(all);
    return;
  }
  const columns = [
    { head: "study", align: "left" },
    { head: "trainings", align: "right" },
    { head: "title", align: "left" },
  ] as const;
  printData(
    renderTable(
      columns,
      all.map(({ name, trainings, title }) => [name, String(trainings), title]),
    ),
  );
}

async function run(study: Study, call: StudyCall & { name: string; signal: AbortSignal }): Promise<void> {
  const { args, signal } = call;
  const folder = args.larger ? join(args.runs, "larger") : args.runs;
  const chosen = {
    ...{ larger: args.larger, folder, signal },
    threads: wholeNumber("threads", args.threads, { most: 1024 }),
    workers: wholeNumber("workers", args.workers, { most: 1024 }),
    seeds: args.seeds === undefined ? undefined : wholeNumber("seeds", args.seeds, { most: 1000 }),
  };
  const cells = await runShown(study, chosen).catch((error: unknown) => explainResume(error, call));
  const result = resultOf(study, cells, chosen);
  const written = writeReports(result, join(folder, study.name));
  if (args.json) printJson(result);
  else printData(textOf(result, written));
}

async function runShown(study: Study, chosen: StudyOptions) {
  const progress = createStudyProgress();
  try {
    return await runStudy(study, { ...chosen, onEvent: (event) => progress.show(event) });
  } finally {
    progress.end();
  }
}

function explainResume(error: unknown, { raw, signal }: { raw: readonly string[]; signal: AbortSignal }): never {
  if (!signal.aborted) throw error;
  const lines = ["Finished trainings are kept. Go on with:", `  ${commandLine(["study", ...raw])}`];
  throw new Interrupted({ signal, lines });
}

function writeReports(result: StudyResult, folder: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "study.json"), `${JSON.stringify(result)}\n`);
  writeFileSync(join(folder, "table.md"), studyMarkdown(result));
  const page = join(folder, "report.html");
  writeFileSync(page, renderStudy(result));
  return page;
}

function textOf(result: StudyResult, page: string): string {
  const { factors, columns, rows } = tableOf(result);
  const heads = [
    ...factors.map((head) => ({ head, align: "left" }) as const),
    ...columns.map(({ title }) => ({ head: title, align: "right" }) as const),
    { head: "", align: "left" } as const,
  ];
  const table = renderTable(
    heads,
    rows.map(({ levels, cells, note: why }) => [...levels, ...cells, why ?? ""]),
  );
  const verdicts = result.verdicts.map((one) => `${holdsText[one.holds]}: ${verdictText(one)}\n`);
  return `${result.study.title}\n\n${table}\n${summaryText(result)}\n${verdicts.join("")}\nReport: ${resolve(page)}\n`;
}
