/** The report of a study: one HTML file without scripts or anything else from outside. */
import type { StudyFigure, StudyResult } from "../../analysis/index.ts";
import { renderDocument } from "../document.ts";
import { type Html, html, isolated, raw } from "../escape.ts";
import { calendarDate, counted, duration } from "../format.ts";
import { drawStudyFigure } from "./figure.ts";
import { measureTitle } from "./number.ts";
import { tableOf } from "./table.ts";
import { effectCells, effectColumns, holdsText, summaryText, verdictText } from "./verdict-text.ts";

/** Renders a finished study; equal input gives equal bytes. */
export function renderStudy(result: StudyResult): string {
  const { study, protocol } = result;
  const body = html`<div class="page">
<header class="masthead">
<p class="eyebrow">seqlab study</p>
<h1>${study.title}</h1>
<p class="dek">${study.question}</p>
<p class="finding">${summaryText(result)}</p>
${verdicts(result)}
</header>
<main>
${figures(result)}
<section id="cells"><h2>All combinations</h2>${table(result)}</section>
${result.effects.map(effects)}
${protocolSection(result)}
</main>
<footer>Made by seqlab ${protocol.versions["seqlab"] ?? ""}. ± is the spread over seeds, highest minus lowest.</footer>
</div>`;
  return renderDocument({ title: study.title, models: 0, body }).html;
}

function protocolSection({ study, protocol, cells }: StudyResult): Html {
  const versions = Object.entries(protocol.versions).map(([name, version]) => `${name} ${version}`);
  const lines = JSON.stringify(study, null, 2).split("\n");
  return html`<section id="protocol"><h2>Protocol</h2>
<p>${counted(cells.length, "training")}, ${counted(protocol.seeds, "seed")} each, ${duration(protocol.seconds)} in all on ${isolated(protocol.machine.cpu)}, ${calendarDate(protocol.date)}. Versions: ${versions.join(", ")}. Protocol ${protocol.hash.slice(0, 16)}.</p>
<pre>${lines.map((line) => html`${line}${raw("\n")}`)}</pre></section>`;
}

function verdicts({ verdicts: all }: StudyResult): Html | false {
  const items = all.map((one) => html`<li><strong>${holdsText[one.holds]}</strong>: ${verdictText(one)}</li>`);
  return items.length > 0 && html`<ul>${items}</ul>`;
}

function figures(result: StudyResult): Html | false {
  const { figures: all } = result.study;
  return (
    all.length > 0 &&
    html`<section id="figures"><h2>Figures</h2><div class="figures">${all.map((one) => figure(one, result))}</div></section>`
  );
}

function figure(one: StudyFigure, result: StudyResult): Html {
  const alt = `${one.title}; the values stand in the table`;
  return html`<figure class="figure"><h3>${one.title}</h3>
<div class="drawing wide" role="img" aria-label="${alt}">${drawStudyFigure(one, result, "wide")}</div>
<div class="drawing narrow" role="img" aria-label="${alt}">${drawStudyFigure(one, result, "narrow")}</div>
<figcaption>Means over seeds; bars and bands reach from the lowest to the highest seed.</figcaption></figure>`;
}

function table(result: StudyResult): Html {
  const { factors, columns, rows } = tableOf(result);
  const head = [
    ...factors.map((title) => html`<th scope="col" style="text-align: left">${title}</th>`),
    ...columns.map(({ title }) => html`<th scope="col">${title}</th>`),
  ];
  const body = rows.map(({ levels, cells, note }) => {
    const names = levels.map((level) => html`<th scope="row">${isolated(level)}</th>`);
    const values = cells.map(
      (cell, i) => html`<td>${cell}${i === 0 && note && html`<br><span class="note">${note}</span>`}</td>`,
    );
    return html`<tr>${names}${values}</tr>`;
  });
  return html`<div class="values scroll" tabindex="0" role="region" aria-label="All combinations"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function effects({ measure, effects: found }: StudyResult["effects"][number]): Html {
  const head = effectColumns.map((title) => html`<th scope="col">${title}</th>`);
  const rows = found.map((one) => {
    const [name, ...cells] = effectCells(one);
    return html`<tr><th scope="row">${name}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`;
  });
  return html`<section><h2>Effects on ${measureTitle(measure)}</h2><p class="lead">Mean with a factor minus mean without it; for pairs, half the difference that one makes to the effect of the other.</p><div class="values scroll"><table><thead><tr>${head}</tr></thead><tbody>${rows}</tbody></table></div></section>`;
}
