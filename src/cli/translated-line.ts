/** A line's answers, as `seqlab translate` prints them. */
import type { Alignment, Translation } from "../generate/index.ts";
import type { Codec } from "../tasks/index.ts";

/** One answer as `--json` has it. */
export interface Answer {
  text: string;
  /** Σ log p(token | before, source), its end included, nats. */
  logProb: number;
  /** logProb under the length penalty. */
  score: number;
  alignment?: AnswerAlignment;
}

/** How much each token of the answer, and its end, looked at each token of the source. */
export interface AnswerAlignment {
  source: string[];
  /** The end of the answer is the last, an empty text. */
  target: string[];
  /** By layer with cross attention, bottom first: [target][source], mean over heads; rows add up to 1. */
  layers: Alignment["layers"];
}

export interface TranslatedLine {
  line: number;
  source: string;
  /** Best first; none for an empty line. */
  answers: Answer[];
}

export function answerOf(codec: Codec, { tokens, logProb, score }: Translation): Answer {
  return { text: codec.decodeTarget(tokens).replaceAll(/\s*\n\s*/g, " "), logProb, score };
}

export const alignmentIn = (
  codec: Codec,
  { source, answer }: { source: Int32Array; answer: Int32Array },
  { layers }: Alignment,
): AnswerAlignment => ({ source: codec.pieces(source), target: [...codec.pieces(answer), ""], layers });

interface Columns {
  /** Whether several answers a line are asked for. */
  several: boolean;
  alignments: boolean;
}

/** The best answer on a line of its own; with several, a line each: number, rank, score, answer. Alignments stand behind. */
export function lineText({ line, answers }: TranslatedLine, { several, alignments }: Columns): string {
  const rows = several ? answers : answers.slice(0, 1);
  if (rows.length === 0) return several ? "" : "\n";
  return rows
    .map(({ text, score, alignment }, i) => [
      ...(several ? [String(line), String(i + 1), score.toFixed(4)] : []),
      text,
      ...(alignments ? [alignmentText(alignment)] : []),
    ])
    .map((columns) => `${columns.join("\t")}\n`)
    .join("");
}

/** `0-0 1-2`: for every token of the answer the source token that the mean of the layers looks at most, as Pharaoh writes it. */
function alignmentText(alignment: AnswerAlignment | undefined): string {
  const [first, ...others] = alignment?.layers ?? [];
  if (first === undefined) return "";
  const pairs = first.slice(0, -1).map((row, t) => {
    const sums = row.map((weight, s) => others.reduce((sum, layer) => sum + layer[t]![s]!, weight));
    return `${sums.indexOf(Math.max(...sums))}-${t}`;
  });
  return pairs.join(" ");
}
