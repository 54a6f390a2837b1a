/** The report of a comparison: one HTML file without scripts, fonts or anything else from outside. */
import type { Comparison } from "../analysis/index.ts";
import { renderDocument } from "./document.ts";
import { type Html, html, visibleLine } from "./escape.ts";
import { decodeFigure } from "./figures/decode.ts";
import { type FigureSpec, renderFigure } from "./figures/figure.ts";
import { lossFigures } from "./figures/loss.ts";
import { memoryFigure } from "./figures/memory.ts";
import { qualityFigure } from "./figures/quality.ts";
import { stateFigure } from "./figures/state.ts";
import { architectures } from "./sections/architectures.ts";
import { header } from "./sections/header.ts";
import { leaderboard } from "./sections/leaderboard.ts";
import { protocolSection } from "./sections/protocol.ts";
import { samples } from "./sections/samples.ts";
import { scores } from "./sections/scores.ts";
import { rankedSeries, type Series } from "./series.ts";
import { bitsName } from "./verdict.ts";

/** Renders results and protocol as a self-contained page; equal input gives equal bytes. */
export function renderComparison(comparison: Comparison): string {
  const series = rankedSeries(comparison);
  const title = `${comparison.results.length === 1 ? "One architecture" : `${comparison.results.length} architectures`} on ${visibleLine(comparison.protocol.data.name)}`;
  const body = html`<a class="skip" href="#leaderboard">To the leaderboard</a>
<div class="page">
${header(comparison, series)}
${contents(comparison)}
<main>
${leaderboard(comparison, series)}
${scores(comparison, series)}
${figureSections(comparison, series)}
${architectures(series)}
${samples(comparison, series)}
${protocolSection(comparison, series)}
</main>
<footer>Made by seqlab ${comparison.protocol.seqlab}. Every figure is a mean with its spread (highest minus lowest) over seeds or repeats.</footer>
</div>`;
  return renderDocument({ title, models: series.length, body }).html;
}

const CONTENTS = {
  leaderboard: "Leaderboard",
  learning: "Learning",
  cost: "Quality, memory and time",
  architectures: "Architectures",
  samples: "Samples",
  protocol: "Protocol",
};

function contents({ results }: Comparison): Html {
  const { leaderboard, ...others } = CONTENTS;
  const scored = results.some((result) => result.scores !== undefined);
  const links = Object.entries({ leaderboard, ...(scored && { scores: "Scores" }), ...others }).map(
    ([id, title]) => html`<li><a href="#${id}">${title}</a></li>`,
  );
  return html`<nav class="contents" aria-label="Sections"><ul>${links}</ul></nav>`;
}

function figureSections({ protocol }: Comparison, series: readonly Series[]): Html {
  const loss = lossFigures(series);
  const learning = [loss.tokens, loss.seconds];
  const cost = [
    qualityFigure(series, bitsName(protocol)),
    stateFigure(series),
    memoryFigure(series, protocol.baselineBytes),
    decodeFigure(series),
  ];
  return html`${figureSection("learning", "Learning", learning)}
${figureSection("cost", "Quality, memory and time", cost)}`;
}

function figureSection(id: string, title: string, figures: readonly FigureSpec[]): Html {
  return html`<section id="${id}" aria-labelledby="${id}-heading"><h2 id="${id}-heading">${title}</h2><div class="figures">${figures.map(renderFigure)}</div></section>`;
}
