/** Drawings of a study: lines over a factor, the tests or the steps; dots where the factor has no order. */
import * as Plot from "@observablehq/plot";
import {
  type Figure,
  type FinishedCell,
  figureOf,
  groupsOf,
  matches,
  measures,
  type StudyFigure,
  type StudyResult,
} from "../../analysis/index.ts";
import { clipped, type Html, html } from "../escape.ts";
import { FAMILIES } from "../families.ts";
import { dodge } from "../figures/dodge.ts";
import { frameMarks, leftMargin } from "../figures/lines.ts";
import { drawPlot, FONT_SIZE, type Mark, pixelMark, type View, WIDTH } from "../figures/plot.ts";
import { textWidth } from "../figures/text-width.ts";
import { evenTicks, extent } from "../figures/ticks.ts";
import { GLYPHS, strokeOf } from "../glyphs.ts";
import { axisText, measureTitle } from "./number.ts";

interface Point extends Pick<Figure, "mean"> {
  x: number;
  low: number;
  high: number;
}

interface Line {
  label: string;
  points: readonly Point[];
}

interface Drawing {
  lines: readonly Line[];
  /** Words under the axis, by place; undefined where places are numbers of steps. */
  places: readonly string[] | undefined;
  xTitle: string;
}

/** Lowest, mean and highest of the seeds of a group. */
function pointOf(
  x: number,
  cells: readonly FinishedCell[],
  at: { measure: StudyFigure["measure"]; test?: string },
): Point | undefined {
  const found = figureOf({ cells }, at.measure, at.test);
  if (found === undefined) return undefined;
  const values = cells.map((cell) => figureOf({ cells: [cell] }, at.measure, at.test)?.mean ?? Number.NaN);
  const range = extent(values)!;
  return { x, mean: found.mean, ...range };
}

function drawingOf(figure: StudyFigure, { study, cells }: StudyResult): Drawing {
  const chosen = cells.filter(({ levels }) => matches(levels, figure.where));
  const labels = figure.lines === undefined ? [""] : labelsOf(chosen, figure.lines);
  const own = (label: string) =>
    chosen.filter(({ levels }) => figure.lines === undefined || levels[figure.lines] === label);
  if (figure.x === "step")
    return {
      lines: labels.map((label) => ({ label, points: curve(own(label)) })),
      places: undefined,
      xTitle: "share of the steps",
    };
  const places = figure.x === "test" ? study.tests.map(({ label }) => label) : labelsOf(chosen, figure.x);
  const pointsOf = (label: string) =>
    places.flatMap((place, x) => {
      const at = own(label).filter(({ levels }) => figure.x === "test" || levels[figure.x] === place);
      const { measure } = figure;
      return pointOf(x, at, { measure, ...(figure.x === "test" && { test: place }) }) ?? [];
    });
  return {
    lines: labels.map((label) => ({ label, points: pointsOf(label) })),
    places,
    xTitle: figure.x === "test" ? "" : figure.x,
  };
}

const labelsOf = (cells: readonly FinishedCell[], factor: string): string[] => [
  ...new Set(groupsOf(cells).map(({ levels }) => levels[factor] ?? "")),
];

/** Training curves: mean, lowest and highest over seeds in each part of the training. */
function curve(cells: readonly FinishedCell[]): Point[] {
  const curves = cells.map(({ result }) => result.curve);
  const parts = Math.min(...curves.map(({ length }) => length));
  if (!Number.isFinite(parts)) return [];
  return Array.from({ length: parts }, (_, i) => {
    const values = curves.map((one) => one[i]!);
    return {
      x: (i + 0.5) / parts,
      mean: values.reduce((sum, value) => sum + value, 0) / values.length,
      ...extent(values)!,
    };
  });
}

const colors = Object.keys(FAMILIES).map((family) => `var(--${family})`);

export function drawStudyFigure(figure: StudyFigure, result: StudyResult, view: View): Html {
  const { lines, places, xTitle } = drawingOf(figure, result);
  const drawn = lines.filter(({ points }) => points.length > 0);
  const range = extent(drawn.flatMap(({ points }) => points.flatMap(({ low, high }) => [low, high])));
  if (range === undefined) return html`<p class="empty">No finite values to draw.</p>`;
  const curves = places === undefined;
  const measure = curves ? ("trainLoss" as const) : figure.measure;
  const slack = (range.high - range.low || Math.abs(range.high) || 1) * 0.06;
  const share = measures[measure].unit === "share";
  const [low, high] = [share ? 0 : range.low - slack, share ? Math.max(1, range.high) : range.high + slack];
  const y = {
    label: curves ? "training loss (nats)" : measureTitle(measure),
    type: "linear" as const,
    domain: [low, high] as const,
    ticks: evenTicks(low, high, 6),
    format: (value: number) => axisText(measure, value),
  };
  const underAxis = places ? placeNames(places, view) : [];
  const x = {
    label: xTitle,
    type: "linear" as const,
    domain: (curves ? [0, 1] : [-0.3, (places?.length ?? 1) - 0.7]) as [number, number],
    ticks: curves ? [0, 0.25, 0.5, 0.75, 1] : (places ?? []).map((_, i) => i),
    format: (value: number) => (places ? (underAxis[value] ?? "") : `${100 * value} %`),
  };
  const more = Math.max(0, ...underAxis.map((name) => name.split("\n").length - 1)) * LINE;
  const names = drawn.map(({ label }) => label);
  const room = Math.max(12, ...names.map((name) => textWidth(name, FONT_SIZE) + 28));
  return drawPlot({
    ...{ width: WIDTH[view], height: (view === "wide" ? 340 : 300) + more, marginTop: 30, marginBottom: 44 + more },
    ...{ marginLeft: leftMargin(y), marginRight: Math.ceil(room) },
    x: { type: "linear", domain: [...x.domain] },
    y: { type: "linear", domain: [...y.domain] },
    marks: [
      ...frameMarks(x, y, { below: more }),
      ...drawn.flatMap((line, i) => lineMarks(line, { i, curves, joined: curves || isOrdered(places ?? [], figure) })),
      endNames(drawn),
    ],
  });
}

/** Whether the places of an axis follow one another, so that a line between them means something. */
const isOrdered = (places: readonly string[], { x }: StudyFigure): boolean =>
  x === "test" || places.every((place) => Number.isFinite(Number(place)));

/** Names of places in lines that do not run into each other: broken between words, cut where one word is too long. */
function placeNames(places: readonly string[], view: View): string[] {
  const letters = Math.max(4, Math.floor((view === "wide" ? 78 : 34) / places.length));
  return places.map((name) => {
    const lines: string[] = [];
    for (const word of name.split(" ")) {
      const joined = `${lines.at(-1)} ${word}`;
      if (lines.length === 0 || joined.length > letters) lines.push(word);
      else lines[lines.length - 1] = joined;
    }
    return lines.map((line) => clipped(line, letters)).join("\n");
  });
}

const LINE = 14;

function lineMarks({ points }: Line, { i, curves, joined }: { i: number; curves: boolean; joined: boolean }): Mark[] {
  const stroke = colors[i % colors.length]!;
  const { dash, glyph } = strokeOf(Math.floor(i / colors.length));
  const spread = points.filter(({ low, high }) => high > low);
  const marks: Mark[] = [];
  if (curves) marks.push(Plot.areaY(points, { x: "x", y1: "low", y2: "high", fill: stroke, fillOpacity: 0.16 }));
  else marks.push(Plot.ruleX(spread, { x: "x", y1: "low", y2: "high", stroke, strokeWidth: 1.2 }));
  if (joined)
    marks.push(
      Plot.lineY(points, { x: "x", y: "mean", stroke, strokeWidth: 1.9, ...(dash && { strokeDasharray: dash }) }),
    );
  if (!curves)
    marks.push(
      pixelMark((frame) =>
        frame.element(
          "g",
          { fill: stroke, class: "points" },
          points.map(({ x, mean }) =>
            frame.element("path", { d: GLYPHS[glyph], transform: `translate(${frame.x(x)},${frame.y(mean)})` }),
          ),
        ),
      ),
    );
  return marks;
}

/** Names at the right, near the last points, moved apart. */
function endNames(lines: readonly Line[]): Mark {
  return pixelMark((frame) => {
    const wanted = lines.map(({ points }) => frame.y(points.at(-1)!.mean));
    const placed = dodge(wanted, 15, frame.marginTop, frame.height - frame.marginBottom);
    const at = frame.width - frame.marginRight + 10;
    return frame.element(
      "g",
      {},
      lines.map(({ label }, i) =>
        frame.element(
          "text",
          { x: at, y: placed[i]!, dy: "0.34em", "text-anchor": "start", fill: colors[i % colors.length]! },
          label,
        ),
      ),
    );
  });
}
