/** What every model wrote: the first and only draw, whatever it is. */
import type { Comparison } from "../../analysis/index.ts";
import { type Html, html, isolated, multiline } from "../escape.ts";
import { counted, percent } from "../format.ts";
import { namedSwatch, type Series } from "../series.ts";

export function samples({ wordShare, protocol }: Comparison, series: readonly Series[]): Html {
  const share =
    wordShare !== undefined &&
    html`<p class="lead">Of the words of three letters or more that ${isolated(wordShare.spec)} wrote,
${percent(wordShare.trained)} occur in the training text; before training it was ${percent(wordShare.untrained)} (${counted(wordShare.words, "word")}).</p>`;
  return html`<section id="samples" aria-labelledby="samples-title">
<h2 id="samples-title">Samples</h2>
<p class="lead">${protocol.data.task === undefined ? "One draw per model, unpicked and unedited. The prompt is in italics; what follows is the model’s." : "What each model answers, greedily, to the same held-out sources; unpicked and unedited."}</p>
${share}
<div class="samples">${series.map(card)}</div>
</section>`;
}

function card(series: Series): Html {
  const { sample } = series.result;
  const text =
    sample === null
      ? html`<p class="empty">No sample was drawn.</p>`
      : html`<blockquote dir="auto"><em>${multiline(sample.prompt)}</em>${multiline(sample.text)}</blockquote><p class="note">seed ${sample.seed}</p>`;
  return html`<article class="sample"><h3>${namedSwatch(series)}</h3>${text}</article>`;
}
