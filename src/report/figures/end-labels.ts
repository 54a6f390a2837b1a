/** Names at the ends of lines, moved apart, each tied to its line by a hairline and its marker; only the rank on a narrow figure. */

import { GLYPHS } from "../glyphs.ts";
import type { Series } from "../series.ts";
import { dodge } from "./dodge.ts";
import { FONT_SIZE, type Mark, type PixelFrame, pixelMark, type View } from "./plot.ts";
import { textWidth } from "./text-width.ts";

interface LineEnd {
  series: Series;
  x: number;
  y: number;
}

const LEAD = 16;
const MARKER = 14;

/** Room to the right of the plot that {@link endLabels} needs. */
export function labelRoom(series: readonly Series[], view: View): number {
  const widest = Math.max(0, ...series.map((one) => textWidth(labelOf(one, view), FONT_SIZE)));
  return Math.ceil(LEAD + MARKER + widest + 4);
}

export function endLabels(ends: readonly LineEnd[], view: View): Mark {
  return placedMark(ends, view, (frame, end, labelY) => label(frame, end, labelY, view));
}

/** The hairlines from line to label, a mark of their own so that they lie below the lines. */
export function endLeaders(ends: readonly LineEnd[], view: View): Mark {
  return placedMark(ends, view, (frame, { series, x, y }, labelY) => {
    const edge = frame.width - frame.marginRight;
    const d = `M${frame.x(x)},${frame.y(y)}H${Math.max(frame.x(x), edge)}L${edge + LEAD - 6},${labelY}`;
    return frame.element("path", { class: "leader", "data-s": series.rank, d });
  });
}

function placedMark(
  ends: readonly LineEnd[],
  view: View,
  draw: (frame: PixelFrame, end: LineEnd, labelY: number) => SVGElement,
): Mark {
  return pixelMark((frame) => {
    const gap = view === "wide" ? 15 : 13.5;
    const wanted = ends.map((end) => frame.y(end.y));
    const placed = dodge(wanted, gap, frame.marginTop, frame.height - frame.marginBottom);
    return frame.element(
      "g",
      {},
      ends.map((end, i) => draw(frame, end, placed[i] ?? 0)),
    );
  });
}

function label(frame: PixelFrame, { series }: LineEnd, labelY: number, view: View): SVGElement {
  const markerX = frame.width - frame.marginRight + LEAD;
  return frame.element("g", { "data-s": series.rank }, [
    frame.element("path", {
      d: GLYPHS[series.glyph],
      transform: `translate(${markerX},${labelY})`,
      fill: series.color,
    }),
    frame.element(
      "text",
      { x: markerX + MARKER - 5, y: labelY, dy: "0.34em", "text-anchor": "start" },
      labelOf(series, view),
    ),
  ]);
}

export function labelOf(series: Series, view: View): string {
  return view === "wide" ? series.label : String(series.rank);
}
