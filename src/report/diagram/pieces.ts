/** Building blocks of a diagram: each knows its height and draws itself around a centre line. */
import { clipped, type Html, html, type Part, visibleLine } from "../escape.ts";
import { textWidth } from "../figures/text-width.ts";

export interface Piece {
  height: number;
  /** Markup with the centre line at `x` and the top at `y`. */
  at(x: number, y: number): Html;
}

export const BOX_WIDTH = 156;
const LINE = 14;

export function stacked(pieces: readonly Piece[]): Piece {
  return {
    height: pieces.reduce((sum, piece) => sum + piece.height, 0),
    at(x, y) {
      let top = y;
      const drawn: Html[] = [];
      for (const piece of pieces) {
        drawn.push(piece.at(x, top));
        top += piece.height;
      }
      return html`${drawn}`;
    },
  };
}

export function arrow(height = 16): Piece {
  return {
    height,
    at: (x, y) =>
      html`<path class="wire" d="M${x} ${y}V${y + height - 2}"/>
<path class="tip" d="M${x - 3.2} ${y + height - 5.5}L${x} ${y + height}L${x + 3.2} ${y + height - 5.5}Z"/>`,
  };
}

export function wire(height: number): Piece {
  return { height, at: (x, y) => html`<path class="wire" d="M${x} ${y}V${y + height}"/>` };
}

export function word(text: string): Piece {
  return { height: 18, at: (x, y) => html`<text class="quiet" x="${x}" y="${y + 12}">${fitted(text, 230)}</text>` };
}

/** A norm: small and round, so that it is not taken for a mixer. */
export function pill(text: string): Piece {
  return {
    height: 20,
    at: (x, y) =>
      html`<rect class="pill" x="${x - 48}" y="${y}" width="96" height="20" rx="10"/><text class="small" x="${x}" y="${y + 13.8}">${fitted(text, 88)}</text>`,
  };
}

interface BoxLook {
  title: string;
  /** Short phrases, laid out on at most two lines. */
  lines: readonly string[];
  /** CSS class that colours the box. */
  kind: "mixer" | "channel" | "plain";
  color?: string;
}

export function box({ title, lines, kind, color }: BoxLook): Piece {
  const rows = wrapped(lines.map(visibleLine));
  const height = 26 + rows.length * LINE;
  const own = color !== undefined && html` style="--own:${color}"`;
  const detail = (row: string, x: number, y: number): Part => html`<text class="small" x="${x}" y="${y}">${row}</text>`;
  return {
    height,
    at: (x, y) => html`<g class="box ${kind}"${own}><title>${[title, ...lines].join(" · ")}</title>
<rect x="${x - BOX_WIDTH / 2}" y="${y}" width="${BOX_WIDTH}" height="${height}" rx="5"/>
<text class="title" x="${x}" y="${y + 17.5}">${fitted(title, BOX_WIDTH - 12)}</text>${rows.map((row, i) => detail(row, x, y + 31 + i * LINE))}</g>`,
  };
}

/** Up to two lines of phrases joined by dots; what does not fit is announced, and stands in full in the tooltip and the spec. */
function wrapped(phrases: readonly string[]): string[] {
  const rows: string[] = [];
  let used = 0;
  for (const phrase of phrases) {
    const joined = rows.length > 0 ? `${rows.at(-1)} · ${phrase}` : phrase;
    if (rows.length > 0 && fits(joined)) rows[rows.length - 1] = joined;
    else if (rows.length < 2) rows.push(clipped(phrase, 26));
    else break;
    used += 1;
  }
  return used < phrases.length ? [...rows.slice(0, -1), withMore(rows.at(-1) ?? "", phrases.length - used)] : rows;
}

function withMore(row: string, left: number): string {
  const phrases = row.split(" · ");
  const text = `${row} · +${left}`;
  return fits(text) || phrases.length === 1 ? text : withMore(phrases.slice(0, -1).join(" · "), left + 1);
}

const fits = (text: string): boolean => textWidth(text, 10.5) <= BOX_WIDTH - 12;

function fitted(text: string, width: number): string {
  const seen = visibleLine(text);
  return textWidth(seen, 12) <= width ? seen : clipped(seen, Math.floor(width / 6.8));
}
