/** The leaderboard: a table on wide screens, a card per model on a phone. */
import type { Comparison, ComparisonResult, Figure } from "../../analysis/index.ts";
import { type Html, html, isolated, type Part } from "../escape.ts";
import { decodeNotes } from "../figures/decode.ts";
import { bitsPerByte, bytes, bytesFigure, contextLength, counted, percent, plusMinus, whole } from "../format.ts";
import { type Series, swatch } from "../series.ts";
import { tunedPhrases } from "../tuned.ts";
import { bitsName } from "../verdict.ts";

interface Column {
  group: string;
  /** Header with its unit. */
  title: string;
  text: (series: Series) => Part;
  /** The number by which the best entry is found; absent where none is better. */
  value?: (result: ComparisonResult) => number;
  better?: "more" | "less";
}

export function leaderboard({ protocol }: Comparison, series: readonly Series[]): Html {
  const notes = series.find(({ result }) => result.decodeNote !== undefined);
  const columns = [
    bitsColumn(bitsName(protocol)),
    ...COLUMNS,
    ...(protocol.tokens === null ? [TOKENS] : []),
    ...stateColumns(series),
  ];
  return html`<section id="leaderboard" aria-labelledby="leaderboard-title">
<h2 id="leaderboard-title">Leaderboard</h2>
<p class="lead">${reading(protocol, series)}</p>
<div class="scroll" tabindex="0" role="region" aria-labelledby="leaderboard-title">
<table class="leaderboard" role="table">
<thead role="rowgroup">${heads(columns)}</thead>
<tbody role="rowgroup">${series.map((one) => row(one, columns, series))}</tbody>
</table></div>
${notes !== undefined && html`<p class="note">Decoding and first token of ${decodeNotes(series)}</p>`}
</section>`;
}

function reading(protocol: Comparison["protocol"], series: readonly Series[]): string {
  const seeds = protocol.seeds.length;
  const bounds = series.some(({ result }) => result.bitsPerByte.kind === "upper-bound");
  return [
    series.length > 1 && `Ordered by validation ${bitsName(protocol)}, lowest first; the best of each column is bold.`,
    seeds > 1
      ? `± is the spread: highest minus lowest of ${counted(seeds, "seed")} or repeats.`
      : "One seed, so no spread over seeds.",
    bounds && "≤ marks an upper bound.",
  ]
    .filter(Boolean)
    .join(" ");
}

const bitsColumn = (name: string): Column => ({
  group: "",
  title: `Validation ${name}`,
  text: ({ result }) => score(result),
  value: (result) => result.bitsPerByte.mean,
  better: "less",
});

const COLUMNS: readonly Column[] = [
  { group: "", title: "Parameters", text: ({ result }) => parameters(result) },
  {
    group: "",
    title: "Tuned to the size",
    text: ({ result }) =>
      html`<span class="tuned">${tunedPhrases(result.tuned).map((phrase) => html`<span>${phrase}</span>`)}</span>`,
  },
  rate("Training (tokens/s)", (result) => result.trainTokensPerS, 0, "more"),
  rate("Decoding (tokens/s)", (result) => result.decodeTokensPerS, 0, "more"),
  rate("First token (ms)", (result) => result.firstTokenMs, undefined, "less"),
  memory("training", (result) => result.peakTrainBytes),
  memory("decoding", (result) => result.peakDecodeBytes),
];

/** Only where the budget gave each model its own number of tokens. */
const TOKENS: Column = { group: "Budget", title: "Training tokens", text: ({ result }) => whole(result.tokens) };

/** What a column's title needs before it where its group is not in sight. */
const LABEL_PREFIX: Readonly<Record<string, string>> = {
  "Peak memory": "Peak memory, ",
  "State per sequence": "State, ",
};

function rate(
  title: string,
  pick: (result: ComparisonResult) => Figure,
  decimals: number | undefined,
  better: "more" | "less",
): Column {
  return {
    group: "Speed",
    title,
    text: ({ result }) => spreadBelow(pick(result), decimals),
    value: (result) => pick(result).mean,
    better,
  };
}

function memory(title: string, pick: (result: ComparisonResult) => Figure): Column {
  return {
    group: "Peak memory",
    title,
    text: ({ result }) => bytesFigure({ ...pick(result), n: 1 }),
    value: (result) => pick(result).mean,
    better: "less",
  };
}

function stateColumns(series: readonly Series[]): Column[] {
  const contexts = [...new Set(series.flatMap(({ result }) => Object.keys(result.stateBytes ?? {})))].sort(
    (a, b) => Number(a) - Number(b),
  );
  return contexts.map((context) => ({
    group: "State per sequence",
    title: `${contextLength(Number(context))} tokens`,
    text: ({ result }) => (result.stateBytes === null ? "none" : bytes(result.stateBytes[context] ?? Number.NaN)),
    value: (result) => result.stateBytes?.[context] ?? Number.NaN,
    better: "less",
  }));
}

function heads(columns: readonly Column[]): Part {
  const groups = columns.reduce<{ group: string; span: number }[]>((found, { group }) => {
    const last = found.at(-1);
    if (last?.group === group && group !== "") last.span += 1;
    else found.push({ group, span: 1 });
    return found;
  }, []);
  const first = groups.map(({ group, span }) =>
    group === ""
      ? html`<td role="cell"></td>`
      : html`<th scope="colgroup" role="columnheader" colspan="${span}">${group}</th>`,
  );
  const second = ["Rank", "Model", ...columns.map((column) => column.title)].map(
    (title) => html`<th scope="col" role="columnheader">${title}</th>`,
  );
  return [
    html`<tr class="groups" role="row"><td role="cell" colspan="2"></td>${first}</tr>`,
    html`<tr role="row">${second}</tr>`,
  ];
}

function row(one: Series, columns: readonly Column[], series: readonly Series[]): Html {
  const cells = columns.map((column) => {
    const label = `${LABEL_PREFIX[column.group] ?? ""}${column.title}`;
    const best = isBest(one, column, series);
    const mark = best && html`<span class="unseen"> (best)</span>`;
    return html`<td role="cell" data-label="${label}"><span class="value${best && " best"}">${column.text(one)}${mark}</span></td>`;
  });
  const title =
    one.result.title !== one.result.spec && html`<span class="model-title">${isolated(one.result.title)}</span>`;
  const name = html`<span class="model">${swatch(one)}<span class="model-name">${isolated(one.name)}</span></span>${title}`;
  return html`<tr role="row"><td role="cell" class="rank"><span class="value">${one.rank}</span></td>
<th scope="row" role="rowheader">${name}</th>${cells}</tr>`;
}

function isBest({ result }: Series, { value, better }: Column, series: readonly Series[]): boolean {
  if (value === undefined || better === undefined || series.length < 2) return false;
  const own = value(result);
  const all = series.map((one) => value(one.result)).filter(Number.isFinite);
  return (
    Number.isFinite(own) && new Set(all).size > 1 && own === (better === "more" ? Math.max(...all) : Math.min(...all))
  );
}

function score({ bitsPerByte: figure }: ComparisonResult): Part {
  const error =
    figure.stdErr !== undefined &&
    Number.isFinite(figure.stdErr) &&
    html`<span class="note">estimate ± ${figure.stdErr.toFixed(3)} s.e.</span>`;
  return [html`<span class="score">${bitsPerByte(figure)}</span>`, error];
}

function spreadBelow(figure: Figure, decimals: number | undefined): Part {
  const [mean, spread] = plusMinus(figure, decimals).split(" ± ");
  return [mean, spread !== undefined && html`<span class="note">± ${spread}</span>`];
}

function parameters({ params, activeParams, embeddingShare }: ComparisonResult): Part {
  const active = activeParams !== params && html`<span class="note">${whole(activeParams)} active</span>`;
  return [whole(params), active, html`<span class="note">${percent(embeddingShare)} embedding</span>`];
}
