/** A line per model with a band or bars for its spread and its name at the end: the form of four of the report's figures. */
import * as Plot from "@observablehq/plot";
import { type Html, html } from "../escape.ts";
import { contextLength } from "../format.ts";
import { GLYPHS } from "../glyphs.ts";
import type { Series } from "../series.ts";
import { endLabels, endLeaders, labelRoom } from "./end-labels.ts";
import { drawPlot, FONT_SIZE, type Mark, pixelMark, type View, WIDTH } from "./plot.ts";
import { textWidth } from "./text-width.ts";
import { powerTicks } from "./ticks.ts";

interface LinePoint {
  x: number;
  /** Not finite where the line is to break. */
  y: number;
  low: number;
  high: number;
}

export interface Line {
  series: Series;
  points: readonly LinePoint[];
}

export interface Axis {
  label: string;
  type: "linear" | "log";
  domain: readonly [number, number];
  ticks: readonly number[];
  format: (value: number) => string;
}

/** Context lengths from low to high; a single one stands in the middle. */
export const contextAxis = ({ low, high }: { low: number; high: number }, view: View): Axis => ({
  label: "Context (tokens)",
  type: "log",
  domain: low === high ? [low / 2, high * 2] : [low, high],
  ticks: powerTicks(2, low, high, view === "wide" ? 9 : 5),
  format: contextLength,
});

interface LineFigure {
  lines: readonly Line[];
  x: Axis;
  y: Axis;
  /** Band: dense curves, markers at their ends only. Bars: a marker and a spread at every point. */
  spread: "band" | "bars";
}

/** Draws nothing but a sentence where no line has a finite point. */
export function drawLines(figure: LineFigure, view: View): Html {
  const drawn = figure.lines.filter((line) => line.points.some((point) => Number.isFinite(point.y)));
  if (drawn.length === 0) return html`<p class="empty">No finite values to draw.</p>`;
  const { x, y } = figure;
  const ends = drawn.map(endOf);
  return drawPlot({
    width: WIDTH[view],
    height: heightFor(drawn.length, view),
    marginTop: 30,
    marginBottom: 42,
    marginLeft: leftMargin(y),
    marginRight: labelRoom(
      drawn.map((line) => line.series),
      view,
    ),
    x: { type: x.type, domain: [...x.domain], ...(x.type === "log" && { base: 2 }) },
    y: { type: y.type, domain: [...y.domain] },
    marks: [
      ...frameMarks(x, y),
      endLeaders(ends, view),
      ...drawn.toReversed().flatMap((line) => lineMarks(line, figure.spread)),
      endLabels(ends, view),
    ],
  });
}

/** Tall enough that the names of all lines find room at their ends. */
export function heightFor(lines: number, view: View): number {
  return view === "wide" ? Math.max(360, 90 + lines * 15.5) : Math.max(300, 86 + lines * 14);
}

/** Grid and axes as every figure has them; labels carry the units. Ticks are texts, not a format: on a log scale Plot would drop some of those. */
/** `below`: pixels that further lines of the names under the axis take. */
export function frameMarks(x: Axis, y: Axis, { below = 0 } = {}): Mark[] {
  const labelOffset = 38 + below;
  const plain = { tickSize: 0, tickPadding: 8, labelAnchor: "center", labelArrow: "none", labelOffset } as const;
  return [
    Plot.gridY(ticksOf(y), { stroke: "var(--rule)", strokeOpacity: 1 }),
    Plot.axisX(ticksOf(x), { ...plain, label: x.label, text: x.format }),
    Plot.axisY(ticksOf(y), {
      tickSize: 0,
      tickPadding: 6,
      label: y.label,
      labelArrow: "up",
      labelOffset: leftMargin(y) - 2,
      text: y.format,
    }),
  ];
}

const ticksOf = ({ ticks, domain: [low, high] }: Axis): number[] => ticks.filter((tick) => tick >= low && tick <= high);

export function leftMargin(y: Axis): number {
  return Math.ceil(12 + Math.max(...ticksOf(y).map((tick) => textWidth(y.format(tick), FONT_SIZE)), 12));
}

function lineMarks({ series, points }: Line, spread: LineFigure["spread"]): Mark[] {
  const own = { render: tagged(series.rank) };
  const spreadOf = points.filter((point) => point.high > point.low);
  const title = () => series.name;
  return [
    ...(spread === "band" && spreadOf.length > 1
      ? [Plot.areaY(points, { x: "x", y1: "low", y2: "high", fill: series.color, fillOpacity: 0.16, ...own })]
      : []),
    ...(spread === "bars"
      ? [Plot.ruleX(spreadOf, { x: "x", y1: "low", y2: "high", stroke: series.color, strokeWidth: 1.2, ...own })]
      : []),
    Plot.lineY(points, {
      x: "x",
      y: "y",
      stroke: series.color,
      strokeWidth: 1.9,
      ...(series.dash && { strokeDasharray: series.dash }),
      title,
      ...own,
    }),
    pointMarks(series, spread === "bars" ? points : points.filter((point) => Number.isFinite(point.y)).slice(-1)),
  ];
}

function pointMarks(series: Series, points: readonly LinePoint[]): Mark {
  return pixelMark((frame) => {
    const at = (point: LinePoint) => `translate(${frame.x(point.x)},${frame.y(point.y)})`;
    const marks = points
      .filter((point) => Number.isFinite(point.y))
      .map((point) => frame.element("path", { d: GLYPHS[series.glyph], transform: at(point) }));
    return frame.element("g", { "data-s": series.rank, fill: series.color, class: "points" }, marks);
  });
}

/** Marks the group that Plot draws with the model it belongs to, so that pointing at one model dims the others. */
function tagged(rank: number): Plot.RenderFunction {
  return (index, scales, values, dimensions, context, next) => {
    const group = next?.(index, scales, values, dimensions, context) ?? null;
    group?.setAttribute("data-s", String(rank));
    return group;
  };
}

function endOf({ series, points }: Line) {
  const last = points.findLast((point) => Number.isFinite(point.y));
  return { series, x: last?.x ?? 0, y: last?.y ?? 0 };
}
