/** A finished comparison as text for the terminal. */
import type { Comparison } from "../analysis/index.ts";
import { comparisonTable, percent, whole } from "../report/index.ts";
import { wrap } from "./frame/help.ts";
import { visible } from "./frame/output.ts";
import { commandLine } from "./frame/shell.ts";
import { hourLong, quickCaveat } from "./quick.ts";

/** Leaderboard, words, the best next-token model's sample, and where the report lies. */
export function comparisonText(comparison: Comparison, { report, quick }: { report: string; quick: boolean }): string {
  const parts = [
    comparisonTable(comparison),
    wordText(comparison),
    sampleText(comparison),
    `Report: ${report}\n`,
    quick ? `${quickText()}\n` : "",
  ];
  return parts.filter((part) => part !== "").join("\n");
}

export const quickText = (): string => `${quickCaveat} A comparison of about an hour:\n  ${commandLine(hourLong)}`;

function wordText({ wordShare }: Comparison): string {
  if (wordShare === undefined) return "";
  const { spec, trained, untrained, words } = wordShare;
  return `${percent(trained)} of the best next-token model's (${spec}) ${whole(words)} words of three letters or more occur in the training text; untrained: ${percent(untrained)}.\n`;
}

function sampleText({ results }: Comparison): string {
  const best = results.find(({ bitsPerByte }) => bitsPerByte.kind === "exact");
  if (!best?.sample) return "";
  const { prompt, text, seed } = best.sample;
  if (prompt === "") return `What ${best.spec} answers:\n${indented(text)}\n`;
  const head = `What ${best.spec} writes behind a prompt (which ends at │; seed ${seed}, the first draw):`;
  return `${head}\n${indented(`${prompt}│${text}`)}\n`;
}

const indented = (text: string): string =>
  visible(text)
    .split("\n")
    .flatMap((line) => wrap(line, 100).map((part) => `  ${part}`.trimEnd()))
    .join("\n");
