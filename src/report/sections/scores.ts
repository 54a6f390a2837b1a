/** What each model's answers are worth, where the task says: a table with a column a score. */
import type { Comparison, ComparisonResult, ScoreFigure } from "../../analysis/index.ts";
import { type Html, html, isolated } from "../escape.ts";
import { scoreFigure, threeDigits } from "../format.ts";
import { namedSwatch, type Series } from "../series.ts";

/** Nothing where no model has scores. */
export function scores({ protocol }: Comparison, series: readonly Series[]): Html | false {
  const known = series.find(({ result }) => result.scores !== undefined)?.result.scores;
  if (known === undefined) return false;
  const rows = series.map((one) => {
    const cells = known.map(({ name }, i) =>
      cell(one.result.scores?.[i], { name, best: isBest(one.result, i, series) }),
    );
    return html`<tr role="row"><th scope="row" role="rowheader">${namedSwatch(one)}</th>${cells}</tr>`;
  });
  const heads = ["Model", ...known.map(headOf)].map((head) => html`<th scope="col" role="columnheader">${head}</th>`);
  return html`<section id="scores" aria-labelledby="scores-title">
<h2 id="scores-title">Scores</h2>
<p class="lead">How the models answer what was held out of ${isolated(protocol.data.name)}; the best of each column is bold.</p>
<div class="scroll" tabindex="0" role="region" aria-labelledby="scores-title">
<table class="scores" role="table"><thead role="rowgroup"><tr role="row">${heads}</tr></thead><tbody role="rowgroup">${rows}</tbody></table></div>
${known.map(({ name, signature }) => signature !== undefined && html`<p class="note">${name}: ${isolated(signature)}</p>`)}
</section>`;
}

function headOf({ name, unit, better, chance }: ScoreFigure): string {
  const percent = unit === "share" || unit === "%";
  const guessed = chance === undefined ? "" : `, chance ${threeDigits(unit === "share" ? 100 * chance : chance)}`;
  return `${name} (${percent ? "%" : unit || "number"}, ${better} is better${guessed})`;
}

function cell(figure: ScoreFigure | undefined, { name, best }: { name: string; best: boolean }): Html {
  const text = figure === undefined ? "—" : scoreFigure(figure);
  return html`<td role="cell" data-label="${name}"><span class="value${best && " best"}">${text}${best && html`<span class="unseen"> (best)</span>`}</span></td>`;
}

function isBest({ scores: own }: ComparisonResult, index: number, series: readonly Series[]): boolean {
  const all = series.flatMap(({ result }) => result.scores?.[index]?.mean ?? []).filter(Number.isFinite);
  const figure = own?.[index];
  if (figure === undefined || new Set(all).size < 2) return false;
  return figure.mean === (figure.better === "higher" ? Math.max(...all) : Math.min(...all));
}
