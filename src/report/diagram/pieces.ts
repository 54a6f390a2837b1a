/** Building blocks of a diagram: each knows its height and draws itself around a centre line. */
import { clipped, type Html, html, type Part, visibleLine } from "../escape.ts";
import { textWidth } from "../figures/text-width.ts";

export interface Piece {
  height: number;
  /** Where something from beside the column enters, from the top. */
  taps?: readonly number[];
  /** Markup with the centre line at `x` and the top at `y`. */
  at(x: number, y: number): Html;
}

export const BOX_WIDTH = 156;
const LINE = 14;

export function stacked(pieces: readonly Piece[]): Piece {
  let height = 0;
  const taps: number[] = [];
  for (const piece of pieces) {
    taps.push(...tapsOf(piece, height));
    height += piece.height;
  }
  return {
    height,
    taps,
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

/** A piece's taps where it begins `top` further down. */
export const tapsOf = ({ taps = [] }: Piece, top: number): number[] => taps.map((tap) => tap + top);

/** The same piece, entered from beside the column at its middle. */
export const tapped = (piece: Piece): Piece => ({ ...piece, taps: [piece.height / 2] });

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

/** Pieces side by side, all fed from above and joined below. */
export function abreast(pieces: readonly Piece[], pitch: number): Piece {
  const tallest = Math.max(...pieces.map(({ height }) => height));
  const left = (-(pieces.length - 1) * pitch) / 2;
  const [enter, leave] = [10, 10];
  return {
    height: enter + tallest + leave,
    taps: pieces.flatMap((piece) => tapsOf(piece, enter)),
    at(x, y) {
      const places = pieces.map((piece, i) => ({ piece, at: x + left + i * pitch }));
      const [first, last] = [x + left, x + left + (pieces.length - 1) * pitch];
      return html`<path class="wire" d="M${x} ${y}V${y + 4}M${first} ${y + 4}H${last}M${first} ${y + enter + tallest + 6}H${last}M${x} ${y + enter + tallest + 6}V${y + enter + tallest + leave}"/>
${places.map(({ piece, at }) => html`<path class="wire" d="M${at} ${y + 4}V${y + enter}M${at} ${y + enter + piece.height}V${y + enter + tallest + 6}"/>${piece.at(at, y + enter)}`)}`;
    },
  };
}

export const gap = (height: number): Piece => ({ height, at: () => html`` });

export function word(text: string): Piece {
  return { height: 18, at: (x, y) => html`<text class="quiet" x="${x}" y="${y + 12}">${fitted(text, 230)}</text>` };
}

/** A norm: small and round, so that it is not taken for a mixer. */
export function pill(text: string, most = 96): Piece {
  const width = Math.min(96, most);
  return {
    height: 20,
    at: (x, y) =>
      html`<rect class="pill" x="${x - width / 2}" y="${y}" width="${width}" height="20" rx="10"/><text class="small" x="${x}" y="${y + 13.8}">${fitted(text, width - 8)}</text>`,
  };
}

interface BoxLook {
  title: string;
  /** Short phrases, laid out on at most two lines. */
  lines: readonly string[];
  /** CSS class that colours the box. */
  kind: "mixer" | "cross" | "channel" | "plain";
  color?: string;
  width?: number;
}

export function box({ title, lines, kind, color, width = BOX_WIDTH }: BoxLook): Piece {
  const rows = wrapped(lines.map(visibleLine), width - 12);
  const height = 26 + rows.length * LINE;
  const own = color !== undefined && html` style="--own:${color}"`;
  const detail = (row: string, x: number, y: number): Part => html`<text class="small" x="${x}" y="${y}">${row}</text>`;
  return {
    height,
    at: (x, y) => html`<g class="box ${kind}"${own}><title>${[title, ...lines].join(" · ")}</title>
<rect x="${x - width / 2}" y="${y}" width="${width}" height="${height}" rx="5"/>
<text class="title" x="${x}" y="${y + 17.5}">${fitted(title, width - 12)}</text>${rows.map((row, i) => detail(row, x, y + 31 + i * LINE))}</g>`,
  };
}

/** Up to two lines of phrases joined by dots; what does not fit is announced, and stands in full in the tooltip and the spec. */
function wrapped(phrases: readonly string[], room: number): string[] {
  const fits = (text: string) => textWidth(text, 10.5) <= room;
  const rows: string[] = [];
  let used = 0;
  for (const phrase of phrases) {
    const joined = rows.length > 0 ? `${rows.at(-1)} · ${phrase}` : phrase;
    if (rows.length > 0 && fits(joined)) rows[rows.length - 1] = joined;
    else if (rows.length < 2) rows.push(clipped(phrase, Math.floor(room / 5.5)));
    else break;
    used += 1;
  }
  return used < phrases.length
    ? [...rows.slice(0, -1), withMore(rows.at(-1) ?? "", { left: phrases.length - used, fits })]
    : rows;
}

function withMore(row: string, { left, fits }: { left: number; fits: (text: string) => boolean }): string {
  const phrases = row.split(" · ");
  const text = `${row} · +${left}`;
  return fits(text) || phrases.length === 1
    ? text
    : withMore(phrases.slice(0, -1).join(" · "), { left: left + 1, fits });
}

function fitted(text: string, width: number): string {
  const seen = visibleLine(text);
  return textWidth(seen, 12) <= width ? seen : clipped(seen, Math.floor(width / 6.8));
}
