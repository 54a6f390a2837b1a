/** The leaderboard as plain text for a terminal: aligned columns, units in the header, at most 120 columns wide. */
import type { Comparison } from "../analysis/index.ts";
import { clipped, graphemes } from "./escape.ts";
import {
  bitsPerByte,
  bytes,
  contextLength,
  counted,
  mebibytes,
  scoreFigure,
  shortCount,
  threeDigits,
  whole,
} from "./format.ts";
import { rankedSeries, type Series } from "./series.ts";
import { tunedPhrases } from "./tuned.ts";
import { isQuick, QUICK_CAVEAT } from "./verdict.ts";

const WIDTH = 120;
const GAP = "  ";
const NARROWEST_NAME = 8;

interface Column {
  /** Two header lines: what it is, and its unit. */
  head: readonly [string, string];
  cells: string[];
  align: "left" | "right";
}

/** Table, then what was tuned and how to read the marks. Lines end with "\n"; no colours, no control characters. */
export function comparisonTable(comparison: Comparison): string {
  const series = rankedSeries(comparison);
  const names: Column = { head: ["model", ""], cells: series.map((one) => one.name), align: "left" };
  const [rank, ...figures] = figureColumns(comparison, series);
  if (rank === undefined) return "";
  const used = [rank, ...figures].reduce((sum, column) => sum + widthOf(column) + GAP.length, 0);
  const room = Math.max(NARROWEST_NAME, WIDTH - used);
  names.cells = names.cells.map((name) => clippedTo(name, room));
  const lines = [
    ...tableLines([rank, names, ...figures]),
    "",
    ...scoreLines(series),
    ...tunedLines(comparison, series),
    ...noteLines(comparison),
  ];
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

function figureColumns({ protocol }: Comparison, series: readonly Series[]): Column[] {
  const right = (head: Column["head"], cell: (one: Series) => string): Column => ({
    head,
    cells: series.map(cell),
    align: "right",
  });
  const contexts = [...new Set(series.flatMap(({ result }) => Object.keys(result.stateBytes ?? {})))].sort(
    (a, b) => Number(a) - Number(b),
  );
  return [
    right(["#", ""], (one) => String(one.rank)),
    right([`bits/${shortUnits[protocol.data.task?.bitsPer ?? "byte"]}`, ""], ({ result }) =>
      bitsPerByte(result.bitsPerByte),
    ),
    right(["params", ""], ({ result }) => shortCount(result.params)),
    right(["train", "tokens/s"], ({ result }) => whole(result.trainTokensPerS.mean)),
    right(["decode", "tokens/s"], ({ result }) => whole(result.decodeTokensPerS.mean)),
    right(["first", "ms"], ({ result }) => threeDigits(result.firstTokenMs.mean)),
    right(["train", "MiB"], ({ result }) => mebibytes(result.peakTrainBytes.mean)),
    right(["decode", "MiB"], ({ result }) => mebibytes(result.peakDecodeBytes.mean)),
    ...contexts
      .slice(0, 3)
      .map((context) =>
        right(["state", `at ${contextLength(Number(context))}`], ({ result }) => stateCell(result.stateBytes, context)),
      ),
  ];
}

/** A table of its own; nothing where there are no scores. */
function scoreLines(series: readonly Series[]): string[] {
  const known = series[0]?.result.scores;
  if (known === undefined) return [];
  const models: Column = { head: ["model", ""], cells: series.map((one) => clippedTo(one.name, 40)), align: "left" };
  const columns = known.map(({ name, unit, chance }, i): Column => {
    const sign = unit === "share" ? "%" : unit;
    const guessed = chance === undefined ? "" : `, chance ${threeDigits(unit === "share" ? 100 * chance : chance)}`;
    const cells = series.map(({ result }) => (result.scores?.[i] ? scoreFigure(result.scores[i]) : "–"));
    return { head: [name, `${sign}${guessed}`], cells, align: "right" };
  });
  const signatures = known.flatMap(({ name, signature }) => (signature ? wrapped([`${name}:`, signature]) : []));
  return [...tableLines([models, ...columns]), ...signatures, ""];
}

function stateCell(stateBytes: Readonly<Record<string, number>> | null, context: string): string {
  return stateBytes === null ? "none" : bytes(stateBytes[context] ?? Number.NaN);
}

function tableLines(columns: readonly Column[]): string[] {
  const widths = columns.map(widthOf);
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => padded(cell, widths[i] ?? 0, columns[i]?.align ?? "left")).join(GAP);
  const rows = columns[0]?.cells.map((_, row) => line(columns.map((column) => column.cells[row] ?? ""))) ?? [];
  return [
    line(columns.map((column) => column.head[0])),
    line(columns.map((column) => column.head[1])),
    "─".repeat(widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1))),
    ...rows,
  ];
}

function tunedLines({ protocol }: Comparison, series: readonly Series[]): string[] {
  const tuned = series.flatMap(({ name, result }) => {
    const trained = protocol.tokens === null ? [`${whole(result.tokens)} training tokens`] : [];
    const phrases = [...tunedPhrases(result.tuned), ...trained];
    return phrases.length === 0
      ? []
      : wrapped([`${name}:`, ...phrases.map((phrase, i) => phrase + (i < phrases.length - 1 ? "," : ""))]);
  });
  return tuned.length === 0 ? [] : ["Tuned to the size:", ...tuned];
}

/** Pieces joined to indented lines of at most {@link WIDTH} columns; a piece that is longer by itself is clipped. */
function wrapped(pieces: readonly string[]): string[] {
  const lines: string[] = [];
  for (const piece of pieces.map((one) => clippedTo(one, WIDTH - 4))) {
    const last = lines.at(-1);
    if (last !== undefined && columnsOf(last) + 1 + columnsOf(piece) <= WIDTH)
      lines[lines.length - 1] = `${last} ${piece}`;
    else lines.push(lines.length === 0 ? `  ${piece}` : `    ${piece}`);
  }
  return lines;
}

function noteLines(comparison: Comparison): string[] {
  const { protocol, results } = comparison;
  const bound = results.some((result) => result.bitsPerByte.kind === "upper-bound");
  const spread =
    protocol.seeds.length > 1
      ? `±: spread over ${counted(protocol.seeds.length, "seed")} (highest minus lowest)`
      : "One seed, no spread";
  const notes = [
    `${bitsMeaning(protocol)}, lower is better. state: bytes per sequence.`,
    `${spread}${bound ? "; ≤ upper bound" : ""}.`,
  ];
  return [...notes, ...(isQuick(comparison) ? [QUICK_CAVEAT] : [])];
}

/** What the column of bits holds. */
const bitsMeaning = ({ data }: Comparison["protocol"]): string =>
  data.task === undefined
    ? "bits/byte: validation text"
    : `bits/${shortUnits[data.task.bitsPer]}: bits per ${data.task.bitsPer}, validation part`;

const shortUnits = { byte: "byte", "target byte": "byte", answer: "answer" } as const;

const widthOf = ({ head, cells }: Column): number => Math.max(...[...head, ...cells].map(columnsOf));

function padded(text: string, width: number, align: Column["align"]): string {
  const space = " ".repeat(Math.max(0, width - columnsOf(text)));
  return align === "left" ? text + space : space + text;
}

/** Terminal columns: East Asian wide characters and emoji take two, a letter with its combining marks one. */
function columnsOf(text: string): number {
  return graphemes(text).reduce((sum, letter) => sum + (WIDE.test(letter) ? 2 : 1), 0);
}

const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}]/u;

function clippedTo(text: string, columns: number): string {
  for (let letters = columns; letters > 1; letters -= 1) {
    const short = clipped(text, letters);
    if (columnsOf(short) <= columns) return short;
  }
  return clipped(text, 1);
}
