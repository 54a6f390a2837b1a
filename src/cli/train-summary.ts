/** What came of a training, as text for the terminal. */
import { counted, decimals3, duration, threeDigits, whole } from "../report/index.ts";
import type { Score } from "../tasks/index.ts";
import { bestName } from "../train/index.ts";
import { commandLine } from "./frame/shell.ts";
import type { TrainingSummary } from "./train-run.ts";

/** How to let the run write, by what it writes; nothing where that is no text. */
const nextCommands: Readonly<
  Record<TrainingSummary["bitsPer"], { verb: string; command: string; more: string[] } | undefined>
> = {
  byte: { verb: "write", command: "generate", more: ["--prompt", "The"] },
  "target byte": { verb: "translate", command: "translate", more: [] },
  answer: undefined,
};

/** The option by which another command finds the run. */
export const inFolder = (runs: string): string[] => (runs === "runs" ? [] : ["--runs", runs]);

export function summaryText(summary: TrainingSummary, runs: string): string {
  const { run, path, ended, step, tokens, loss, best, params, bitsPer } = summary;
  const next = nextCommands[bitsPer];
  const rows: (readonly [string, string])[] = [
    ["run", `${run} (${path})`],
    [
      "trained",
      `${counted(step, "step")}${ended === "stopped" ? " (evaluations no longer improved)" : ""}, ${whole(tokens)} tokens, ${whole(params)} parameters`,
    ],
    ...(loss === undefined ? [] : [["last loss", `${decimals3(loss)} nats per token`] as const]),
    ...validationRows(summary),
    ...(best && next ? [["best", commandLine([next.command, bestName, "--runs", path, ...next.more])] as const] : []),
    ...speedRows(summary),
    ...(next ? [[next.verb, commandLine([next.command, run, ...inFolder(runs), ...next.more])] as const] : []),
  ];
  const width = Math.max(12, ...rows.map(([label]) => label.length + 1));
  return rows.map(([label, text]) => `${label.padEnd(width)} ${text}\n`).join("");
}

type Rows = (readonly [string, string])[];

function validationRows({ evaluation, scores = [], bitsPer, average }: TrainingSummary): Rows {
  if (evaluation === undefined) return [];
  const bound = evaluation.kind === "upper-bound" ? "≤ " : "";
  const mean = average > 1 ? `, the mean of the last ${average} checkpoints` : "";
  return [
    ["validation", `${bound}${decimals3(evaluation.bitsPerByte)} bits per ${bitsPer}${mean}`],
    ...scores.map((score) => [score.name, scoreText(score)] as const),
  ];
}

/** `23.4 points (nrefs:1|…)`, `97.1 % (chance 1.6 %; 512 answers)`. */
export function scoreText({ value, unit, signature, chance }: Score): string {
  const write = (number: number) =>
    unit === "share" ? percentOf(number) : `${threeDigits(number)}${unit === "" ? "" : ` ${unit}`}`;
  const notes = [...(chance === undefined ? [] : [`chance ${write(chance)}`]), ...(signature ? [signature] : [])];
  return `${write(value)}${notes.length > 0 ? ` (${notes.join("; ")})` : ""}`;
}

const percentOf = (share: number): string => (share === 1 ? "100 %" : `${threeDigits(100 * share)} %`);

const speedRows = ({ tokensPerS, seconds }: TrainingSummary): Rows =>
  tokensPerS > 0
    ? [
        [
          "speed",
          `${tokensPerS >= 100 ? whole(tokensPerS) : threeDigits(tokensPerS)} tokens/s, ${duration(seconds)} in all`,
        ],
      ]
    : [];
