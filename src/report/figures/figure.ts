/** A figure in the page: title, drawing for wide and narrow screens, how to read it, and its values as a table for those who cannot see it. */
import { type Html, html, isolated, type Part } from "../escape.ts";
import { namedSwatch, type Series, swatch } from "../series.ts";
import type { View } from "./plot.ts";

export interface FigureSpec {
  id: string;
  title: string;
  draw(view: View): Html;
  /** What a reader who does not see the figure is told in its place. */
  alt: string;
  /** Whether the narrow drawing names models by their rank alone and so needs a key. */
  keyed: boolean;
  /** One or two plain sentences: how to read it. */
  caption: Part;
  values: { columns: readonly string[]; rows: readonly { series: Series; cells: readonly string[] }[] };
}

export function renderFigure({ keyed, values: { columns, rows }, ...figure }: FigureSpec): Html {
  const named = rows.map(({ series, cells }) => ({ head: namedSwatch(series), cells }));
  return renderFrame({
    ...figure,
    key: keyed && key(rows.map((row) => row.series)),
    values: { head: "Model", columns, rows: named },
  });
}

/** A figure of anything: what {@link renderFigure} draws of models. */
export interface FigureFrame extends Pick<FigureSpec, "id" | "title" | "draw" | "alt" | "caption"> {
  /** Between drawing and caption. */
  key?: Part;
  values: {
    head: string;
    columns: readonly string[];
    rows: readonly { head: Part; cells: readonly string[] }[];
  };
}

export function renderFrame({ id, title, draw, alt, key, caption, values }: FigureFrame): Html {
  return html`<figure class="figure" id="${id}" aria-labelledby="${id}-title">
<h3 id="${id}-title">${title}</h3>
<div class="drawing wide" role="img" aria-label="${alt}">${draw("wide")}</div>
<div class="drawing narrow" role="img" aria-label="${alt}">${draw("narrow")}</div>
${key}
<figcaption>${caption}</figcaption>
${valueTable(title, values)}
</figure>`;
}

/** Numbers of the narrow figure explained; wide figures carry the names themselves. */
function key(series: readonly Series[]): Html {
  const entries = series
    .toSorted((a, b) => a.rank - b.rank)
    .map((one) => {
      return html`<li data-s="${one.rank}"><span class="key-rank">${one.rank}</span>${swatch(one)}${isolated(one.label)}</li>`;
    });
  return html`<ul class="key" aria-hidden="true">${entries}</ul>`;
}

function valueTable(title: string, { head, columns, rows }: FigureFrame["values"]): Html {
  const heads = columns.map((column) => html`<th scope="col">${column}</th>`);
  const body = rows.map(({ head, cells }) => {
    return html`<tr><th scope="row">${head}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`;
  });
  return html`<details class="values"><summary>Values</summary><div class="scroll" tabindex="0" role="region" aria-label="Values: ${title}"><table>
<thead><tr><th scope="col">${head}</th>${heads}</tr></thead><tbody>${body}</tbody></table></div></details>`;
}

/** "a, b and c" of escaped, isolated names. */
export function nameList(series: readonly Series[]): Part {
  return series.map((one, i) => [i === 0 ? "" : i === series.length - 1 ? " and " : ", ", isolated(one.name)]);
}
