/** `seqlab score --of labels|numbers|signals`: one answer a line instead of texts. */
import { scoreLabels, scoreNumbers, scoreSignals, type ValueScore } from "../tasks/index.ts";
import { fail } from "../tensor/index.ts";
import { renderTable } from "./frame/table.ts";
import { failUsage } from "./frame/usage-error.ts";
import { readColumns } from "./scored-files.ts";

/** What a line of the files is. */
export const scoredKinds = ["text", "labels", "numbers", "signals"] as const;
export type ValueKind = Exclude<(typeof scoredKinds)[number], "text">;

/** Options that are read whatever a line is. */
const general = new Set(["of", "json", "debug"]);

/**
 * Throws E_OPTION for options of texts, E_OPERAND for files too many, E_SCORE_VALUE for a
 * line that is no number, and what reading files throws.
 */
export async function scoreValues(kind: ValueKind, { operands, given }: Asked): Promise<ValueScore[]> {
  assertFits(kind, { operands, given });
  const columns = await readColumns(operands);
  if (kind === "labels") return scoreLabels({ predicted: columns[0]!, truth: columns[1]! });
  const [predicted, truth, mixture] = columns.map((lines, i) => numbersOf(lines, operands[i]!));
  if (kind === "numbers") return scoreNumbers({ truth: truth!, predicted: predicted! });
  return scoreSignals({ target: truth!, estimate: predicted!, ...(mixture && { mixture }) });
}

interface Asked {
  operands: readonly string[];
  given: ReadonlySet<string>;
}

function assertFits(kind: ValueKind, { operands, given }: Asked): void {
  const other = [...given].find((option) => !general.has(option));
  if (other !== undefined)
    failUsage({
      code: "E_OPTION",
      where: `--${other}`,
      expected: `no settings of texts beside --of ${kind}`,
      got: `--${other}`,
      hint: "Leave it out.",
    });
  const most = kind === "signals" ? 3 : 2;
  if (operands.length > most)
    failUsage({
      code: "E_OPERAND",
      where: "REFERENCES",
      expected: kind === "signals" ? "the target, and the mixture at most" : `one file with --of ${kind}`,
      got: operands.slice(1).join(", "),
    });
}

function numbersOf(lines: readonly string[], path: string): number[] {
  return lines.map((line, i) => {
    const value = line.trim() === "" ? Number.NaN : Number(line);
    if (Number.isFinite(value)) return value;
    return fail({
      code: "E_SCORE_VALUE",
      where: `${path}:${i + 1}`,
      expected: "a number",
      got: JSON.stringify(line),
      hint: "Write one number a line, with a point for decimals.",
    });
  });
}

export function valueTable(scores: readonly ValueScore[]): string {
  const columns = [
    { head: "metric", align: "left" },
    { head: "score", align: "right" },
    { head: "unit", align: "left" },
    { head: "better", align: "left" },
  ] as const;
  return renderTable(
    columns,
    scores.map(({ name, score, unit, better }) => [name, shown(score), unit, better]),
  );
}

const shown = (score: number): string => (Number.isFinite(score) ? String(Number(score.toPrecision(5))) : "undefined");
