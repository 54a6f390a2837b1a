/** Markers, rings, bars and labels of the quality figure, placed in pixels. */
import { GLYPHS } from "../glyphs.ts";
import { labelOf } from "./end-labels.ts";
import { type Anchor, type Box, placeLabels } from "./place.ts";
import { FONT_SIZE, type Mark, type PixelFrame, pixelMark, type View } from "./plot.ts";
import type { QualityPoint } from "./quality.ts";
import { textWidth } from "./text-width.ts";

interface Spot {
  point: QualityPoint;
  y: number;
  top: number;
  bottom: number;
  /** Pixels of the marker at 1k tokens and of the ring at 16k. */
  short: number;
  long: number;
}

export function qualityMarks(points: readonly QualityPoint[], { view, strip }: { view: View; strip: number }): Mark {
  return pixelMark((frame) => {
    const spots = points.map((point) => spotOf(point, frame, strip));
    const labels = placed(spots, frame, view);
    const groups = spots.map((spot, i) => spotGroup(frame, spot, labels[i], view));
    return frame.element("g", {}, [...stripMarks(frame, strip), ...groups.toReversed()]);
  });
}

/** A missing context takes the other's place; a model without state stands in the strip, its label beside it. */
function spotOf(point: QualityPoint, frame: PixelFrame, strip: number): Spot {
  const { short, long, score, half } = point;
  const known = short ?? long;
  const at = (value: number | undefined) =>
    known === undefined ? frame.marginLeft + Math.min(14, strip / 2) : frame.x(value ?? known);
  return {
    point,
    y: frame.y(score),
    top: frame.y(score + half),
    bottom: frame.y(score - half),
    short: at(short),
    long: at(long),
  };
}

function stripMarks(frame: PixelFrame, strip: number): SVGElement[] {
  if (strip === 0) return [];
  const box = {
    x: frame.marginLeft,
    y: frame.marginTop,
    width: strip - 12,
    height: frame.height - frame.marginTop - frame.marginBottom,
  };
  return [
    frame.element("rect", { ...box, class: "strip", rx: 3 }),
    frame.element("text", { x: box.x + box.width / 2, y: box.y + box.height + 18, class: "quiet" }, "no state"),
  ];
}

function placed(spots: readonly Spot[], frame: PixelFrame, view: View): Box[] {
  const anchors = spots.map(
    ({ point, long, y }): Anchor => ({ x: long, y, width: textWidth(labelOf(point.series, view), FONT_SIZE) + 2 }),
  );
  const obstacles = spots.flatMap(({ short, long, y, top, bottom }): Box[] => [
    { x: short - 6, y: Math.min(y - 6, top), width: 12, height: Math.max(12, bottom - top) },
    { x: long - 7, y: Math.min(y - 7, top), width: 14, height: Math.max(14, bottom - top) },
    { x: Math.min(short, long), y: y - 2, width: Math.abs(long - short), height: 4 },
  ]);
  const inside = {
    x: frame.marginLeft + 2,
    y: frame.marginTop,
    width: frame.width - frame.marginLeft - 4,
    height: frame.height - frame.marginTop - frame.marginBottom,
  };
  return placeLabels(anchors, obstacles, inside);
}

function spotGroup(frame: PixelFrame, spot: Spot, label: Box | undefined, view: View): SVGElement {
  const { color, glyph, rank } = spot.point.series;
  const stateless = spot.point.short === undefined && spot.point.long === undefined;
  const line = (d: string) => frame.element("path", { d, stroke: color, fill: "none", "stroke-width": 1.4 });
  return frame.element("g", { "data-s": rank }, [
    ...(spot.short === spot.long ? [] : [line(`M${spot.short},${spot.y}H${spot.long}`)]),
    ...(spot.bottom > spot.top ? [line(`M${spot.long},${spot.top}V${spot.bottom}`)] : []),
    ...(stateless || spot.point.long === undefined
      ? []
      : [frame.element("circle", { cx: spot.long, cy: spot.y, r: 7.5, class: "ring", stroke: color })]),
    frame.element("path", { d: GLYPHS[glyph], transform: `translate(${spot.short},${spot.y})`, fill: color }),
    ...(label === undefined ? [] : labelMarks(frame, spot, label, view)),
  ]);
}

function labelMarks(frame: PixelFrame, { point, long, y }: Spot, box: Box, view: View): SVGElement[] {
  const nearX = Math.max(box.x, Math.min(long, box.x + box.width));
  const nearY = Math.max(box.y, Math.min(y, box.y + box.height));
  const far = Math.hypot(nearX - long, nearY - y) > 14;
  const text = frame.element(
    "text",
    { x: box.x + box.width / 2, y: box.y + box.height / 2, dy: "0.34em" },
    labelOf(point.series, view),
  );
  return far ? [frame.element("path", { class: "leader", d: `M${long},${y}L${nearX},${nearY}` }), text] : [text];
}
