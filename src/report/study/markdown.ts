/** A study as Markdown: question, table, verdicts, protocol. */
import type { StudyResult } from "../../analysis/index.ts";
import { visibleLine } from "../escape.ts";
import { calendarDate, counted, duration } from "../format.ts";
import { measureTitle } from "./number.ts";
import { tableOf } from "./table.ts";
import { effectCells, effectColumns, holdsText, verdictText } from "./verdict-text.ts";

/** `figures` are paths or addresses of drawings, set between table and verdicts. */
export function studyMarkdown(
  result: StudyResult,
  { heading = "##", figures = [] }: { heading?: string; figures?: readonly { title: string; href: string }[] } = {},
): string {
  const { study, verdicts } = result;
  const parts = [
    `${heading} ${cell(study.title)}`,
    visibleLine(study.question),
    tableText(result),
    figures.map(({ title, href }) => `![${cell(title)}](${href})`).join("\n"),
    ...result.effects.map((one) => effectsText(one)),
    verdicts
      .map(
        (verdict) =>
          `- ${verdict.holds === "all" ? "holds" : `**${holdsText[verdict.holds]}**`}: ${visibleLine(verdictText(verdict))}`,
      )
      .join("\n"),
    protocolText(result),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** The table alone. */
export function tableText(result: StudyResult): string {
  const { factors, columns, rows } = tableOf(result);
  const body = rows.map(({ levels, cells, note }) => [
    ...levels,
    ...cells.map((text, i) => (i === 0 && note ? `${text} (${note})` : text)),
  ]);
  return pipeTable([...factors, ...columns.map(({ title }) => title)], body, factors.length);
}

function effectsText({ measure, effects }: StudyResult["effects"][number]): string {
  return `Effects on ${measureTitle(measure)}: mean with minus mean without; for pairs, half the difference that one makes to the other.\n\n${pipeTable(effectColumns, effects.map(effectCells), 1)}`;
}

function protocolText({ study, protocol }: StudyResult): string {
  const { seeds, seconds, date, machine, hash, larger } = protocol;
  const training = `${JSON.stringify(study.training)} on ${JSON.stringify(study.data)}`;
  return `Protocol: \`seqlab study ${study.name}${larger ? " --larger" : ""}\`, ${counted(seeds, "seed")} (± is highest minus lowest), ${calendarDate(date)}, ${duration(seconds)} on one thread of ${machine.cpu}; \`${training}\`; ${hash.slice(0, 12)}.`;
}

function pipeTable(head: readonly string[], rows: readonly (readonly string[])[], leftColumns: number): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
  const rule = `|${head.map((_, i) => (i < leftColumns ? "---" : "---:")).join("|")}|`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

const cell = (text: string): string => visibleLine(text).replaceAll("|", "\\|");
