import type { ArgsDef } from "citty";
import {
  type NamedScore,
  type ScoredText,
  scoreSegments,
  scoreText,
  textMetrics,
  type ValueScore,
} from "../tasks/index.ts";
import { type CallOf, defineSeqlabCommand } from "./frame/command.ts";
import { printData, printJson } from "./frame/output.ts";
import { renderTable } from "./frame/table.ts";
import { failUsage } from "./frame/usage-error.ts";
import { numberIn, wholeNumber } from "./frame/values.ts";
import { scoredKinds, scoreValues, valueTable } from "./score-values.ts";
import { readScoredText } from "./scored-files.ts";

const smoothings = ["exp", "floor", "add-k", "none"] as const;

const scoreOptions = {
  of: {
    type: "enum",
    options: [...scoredKinds],
    description:
      "what a line is: a text; a label (accuracy, F1, kappa); a number (MAE, RMSE, MAPE); a sample of a signal (SNR, SI-SDR)",
    default: "text",
  },
  metrics: {
    type: "string",
    valueHint: "LIST",
    description: `any of ${textMetrics.join(", ")}, separated by commas (default: all)`,
  },
  lowercase: { type: "boolean", description: "ignore case (TER and ROUGE always do)", default: false },
  tokenizer: {
    type: "enum",
    options: ["13a", "intl", "zh", "char", "none"],
    description: "how BLEU splits words",
    default: "13a",
  },
  smoothing: {
    type: "enum",
    options: [...smoothings],
    description: "what BLEU does with an order that has no match",
    default: "exp",
  },
  "smoothing-value": {
    type: "string",
    valueHint: "X",
    description: "value of floor (default: 0.1) and add-k (default: 1)",
  },
  "max-order": { type: "string", valueHint: "N", description: "longest n-grams of BLEU", default: "4" },
  "effective-order": {
    type: "boolean",
    description: "BLEU averages only orders that a text is long enough for; use it with --segments",
    default: false,
  },
  stem: { type: "boolean", description: "ROUGE compares English word stems", default: false },
  segments: { type: "boolean", description: "scores of each line instead of the whole", default: false },
} as const satisfies ArgsDef;

type Call = CallOf<typeof scoreOptions>;

export const scoreCommand = defineSeqlabCommand({
  name: "score",
  summary: "BLEU, chrF, TER, WER, CER and ROUGE of texts; accuracy of labels, errors of numbers",
  about: [
    "Files hold one segment a line (UTF-8), the same number in each, or with --of one label, number or sample of a signal. With several reference files an empty line means that the file has no reference there. Scores are in percent and equal those of sacreBLEU, jiwer and rouge-score; the signature names every choice behind one.",
  ],
  operands: [
    { name: "HYPOTHESES", count: "one", description: "file of the texts to score; - for standard input" },
    { name: "REFERENCES", count: "any", description: "one file or several" },
  ],
  options: scoreOptions,
  examples: [
    { command: "seqlab score out.txt ref.txt", effect: "every score of a translation" },
    { command: "seqlab score - ref1.txt ref2.txt --metrics bleu,chrf < out.txt", effect: "two references a line" },
    {
      command: "seqlab score out.txt ref.txt --segments --effective-order",
      effect: "tab-separated scores of each line",
    },
    { command: "seqlab score forecast.txt came.txt --of numbers", effect: "errors of a forecast, a number a line" },
  ],
  async run(call) {
    const options = scoring(call);
    if (call.args.of !== "text") return printValues(await scoreValues(call.args.of, call), call.args.json);
    const text = await readScoredText(call.operands);
    if (call.args.segments) return printSegments(text, options, call.args.json);
    const scores = scoreText(text, options);
    if (call.args.json) printJson({ segments: text.hypotheses.length, scores });
    else printData(scoreTable(scores));
  },
});

type Options = NonNullable<Parameters<typeof scoreText>[1]>;

function scoring({ args, given }: Call): Options {
  return {
    ...(args.metrics !== undefined && { metrics: metricsOf(args.metrics) }),
    lowercase: args.lowercase,
    stem: args.stem,
    bleu: {
      tokenizer: args.tokenizer,
      smoothing: smoothingOf(args.smoothing, given.has("smoothing-value") ? args["smoothing-value"] : undefined),
      maxOrder: wholeNumber("max-order", args["max-order"], { most: 100 }),
      effectiveOrder: args["effective-order"],
    },
  };
}

function metricsOf(list: string) {
  const names = list.split(",").map((name) => name.trim());
  return names.map((name) => {
    const metric = textMetrics.find((known) => known === name);
    return (
      metric ??
      failUsage({
        code: "E_OPTION",
        where: "--metrics",
        expected: `any of ${textMetrics.join(", ")}`,
        got: `"${name}"`,
      })
    );
  });
}

function smoothingOf(kind: (typeof smoothings)[number], value: string | undefined) {
  if (kind === "floor" || kind === "add-k")
    return { kind, ...(value !== undefined && { value: numberIn("smoothing-value", value, { least: 0 }) }) };
  if (value !== undefined)
    failUsage({ code: "E_OPTION", where: "--smoothing-value", expected: "--smoothing floor or add-k", got: kind });
  return { kind };
}

function scoreTable(scores: readonly NamedScore[]): string {
  const columns = [
    { head: "metric", align: "left" },
    { head: "score", align: "right" },
    { head: "better", align: "left" },
    { head: "signature", align: "left" },
  ] as const;
  return renderTable(
    columns,
    scores.map(({ name, score, better, signature }) => [name, percent(score), better, signature]),
  );
}

function printValues(scores: readonly ValueScore[], json: boolean): void {
  if (json) printJson({ scores });
  else printData(valueTable(scores));
}

function printSegments(text: ScoredText, options: Options, json: boolean): void {
  const segments = scoreSegments(text, options);
  if (json) {
    printJson(segments.map((scores) => ({ scores })));
    return;
  }
  const heads = ["line", ...segments[0]!.map(({ name }) => name)];
  const lines = segments.map((scores, i) => [String(i + 1), ...scores.map(({ score }) => percent(score))]);
  printData([heads, ...lines].map((cells) => `${cells.join("\t")}\n`).join(""));
}

const percent = (score: number): string => (Number.isFinite(score) ? score.toFixed(2) : "inf");
