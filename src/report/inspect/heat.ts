/** Matrices of weights as squares, in stronger colour for larger ones. */
import { type Html, html, raw } from "../escape.ts";

const levels = 10;

/** Colour grows with the square root of a weight, so that small ones are seen too. */
const levelOf = (weight: number): number => Math.min(levels, Math.round(levels * Math.sqrt(Math.abs(weight))));

/** [T][S] weights as a group of paths in units of one cell; equal neighbours of a row are one stroke. */
export function heatCells(rows: readonly (readonly number[])[], id?: string): Html {
  const paths = Array.from({ length: levels }, () => "");
  for (const [t, row] of rows.entries())
    for (let s = 0; s < row.length; ) {
      const level = levelOf(row[s]!);
      let end = s + 1;
      while (end < row.length && levelOf(row[end]!) === level) end++;
      if (level > 0) paths[level - 1] += `M${s} ${t}.5h${end - s}`;
      s = end;
    }
  const drawn = paths.flatMap((d, i) => (d === "" ? [] : [`<path d="${d}" stroke-opacity="${(i + 1) / levels}"/>`]));
  return html`<g${raw(id === undefined ? "" : ` id="${id}"`)} class="cells">${raw(drawn.join(""))}</g>`;
}

/** A small map without labels. */
export function heatThumbnail(rows: readonly (readonly number[])[], { id, alt }: { id: string; alt: string }): Html {
  return html`<svg class="heat" viewBox="0 0 ${rows[0]?.length ?? 0} ${rows.length}" preserveAspectRatio="none" role="img" aria-label="${alt}">${heatCells(rows, id)}</svg>`;
}

interface LabelledMap {
  /** Group of cells drawn before, or rows to draw now. */
  cells: { use: string } | { rows: readonly (readonly number[])[] };
  rows: readonly string[];
  columns: readonly string[];
  alt: string;
}

const cell = 15;
const letter = 6.4;

const longest = (texts: readonly string[]): number => Math.max(1, ...texts.map(({ length }) => length));

/** The same with what stands at its rows and columns, in true size: it scrolls where there is no room. */
export function labelledHeat({ cells, rows, columns, alt }: LabelledMap): Html {
  const left = 10 + letter * longest(rows);
  const top = 16 + 0.87 * letter * longest(columns);
  // The last label leans over the edge.
  const [width, height] = [
    left + columns.length * cell + 0.5 * letter * longest(columns),
    top + rows.length * cell + 4,
  ];
  const grid = "use" in cells ? html`<use href="#${cells.use}"/>` : heatCells(cells.rows);
  const across = columns.map(
    (text, s) => html`<text transform="translate(${left + (s + 0.6) * cell} ${top - 6}) rotate(-60)">${text}</text>`,
  );
  const down = rows.map(
    (text, t) => html`<text class="row" x="${left - 6}" y="${top + (t + 0.5) * cell}" dy="0.33em">${text}</text>`,
  );
  return html`<div class="scroll" tabindex="0"><svg class="labelled" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${alt}">
<rect class="ground" x="${left}" y="${top}" width="${columns.length * cell}" height="${rows.length * cell}"/>
<g transform="translate(${left} ${top}) scale(${cell})">${grid}</g>${across}${down}</svg></div>`;
}
