/** Peak memory of training and decoding: two bars per model, each written out. */
import * as Plot from "@observablehq/plot";
import type { Figure } from "../../analysis/index.ts";
import { html } from "../escape.ts";
import { bytes, bytesFigure } from "../format.ts";
import type { Series } from "../series.ts";
import type { FigureSpec } from "./figure.ts";
import { drawPlot, FONT_SIZE, type PixelFrame, pixelMark, type View, WIDTH } from "./plot.ts";
import { textWidth } from "./text-width.ts";
import { evenTicks, extent } from "./ticks.ts";

const BAR = 11;

export function memoryFigure(series: readonly Series[], baselineBytes: number): FigureSpec {
  const sorted = series.toSorted(
    (a, b) => size(a.result.peakTrainBytes) - size(b.result.peakTrainBytes) || a.rank - b.rank,
  );
  return {
    id: "memory",
    title: "Peak memory",
    draw: (view) => draw(sorted, view),
    keyed: false,
    alt: `Bar chart: peak resident memory above the empty process, least first. ${sorted.map(summary).join(" ")}`,
    caption: html`Shorter is better. Solid bars: training; outlined bars: decoding.
Each is the highest resident memory of the model's own process less the ${bytes(baselineBytes)} it held before the model was built.`,
    values: {
      columns: ["Peak in training", "Peak in decoding"],
      rows: sorted.map((one) => ({
        series: one,
        cells: [bytesFigure(one.result.peakTrainBytes), bytesFigure(one.result.peakDecodeBytes)],
      })),
    },
  };
}

function draw(series: readonly Series[], view: View) {
  const most = extent(series.flatMap(({ result }) => [result.peakTrainBytes.mean, result.peakDecodeBytes.mean]));
  if (most === undefined) return html`<p class="empty">No finite values to draw.</p>`;
  const row = view === "wide" ? 36 : 50;
  const names = Math.max(...series.map((one) => textWidth(one.label, FONT_SIZE)));
  const domain = [0, Math.max(1, most.high)];
  const unit = 1024 ** Math.floor(Math.log2(Math.max(1, most.high)) / 10 + 1e-9);
  const ticks = evenTicks(0, Math.max(1, most.high), view === "wide" ? 4 : 3, unit);
  return drawPlot({
    width: WIDTH[view],
    height: series.length * row + 60,
    marginTop: 8,
    marginBottom: 42,
    marginLeft: view === "wide" ? Math.ceil(names + 24) : 10,
    marginRight: view === "wide" ? 118 : 112,
    x: { domain },
    y: { domain: [0, series.length], reverse: true, axis: null },
    marks: [
      Plot.gridX(ticks, { stroke: "var(--rule)", strokeOpacity: 1 }),
      Plot.axisX(ticks, {
        tickSize: 0,
        tickPadding: 8,
        label: "Peak resident memory (bytes)",
        labelAnchor: "center",
        labelArrow: "none",
        labelOffset: 38,
        tickFormat: bytes,
      }),
      pixelMark((frame) =>
        frame.element(
          "g",
          {},
          series.map((one, i) => bars(frame, one, frame.y(i), view)),
        ),
      ),
    ],
  });
}

function bars(frame: PixelFrame, series: Series, top: number, view: View): SVGElement {
  const { label, color, result, rank } = series;
  const from = view === "wide" ? top + 5 : top + 19;
  const text = { "text-anchor": view === "wide" ? "end" : "start", dy: "0.34em", class: "name" };
  const name = view === "wide" ? { x: frame.marginLeft - 10, y: from + BAR + 1 } : { x: frame.marginLeft, y: top + 9 };
  return frame.element("g", { "data-s": rank }, [
    frame.element("text", { ...text, ...name }, view === "wide" ? label : `${rank}  ${label}`),
    ...bar(frame, result.peakTrainBytes, { y: from, kind: "train", fill: color, stroke: color }),
    ...bar(frame, result.peakDecodeBytes, { y: from + BAR + 2, kind: "decode", fill: "var(--paper)", stroke: color }),
  ]);
}

interface BarLook {
  y: number;
  kind: string;
  fill: string;
  stroke: string;
}

function bar(frame: PixelFrame, figure: Figure, { y, kind, fill, stroke }: BarLook): SVGElement[] {
  const known = Number.isFinite(figure.mean);
  const end = known ? frame.x(Math.max(0, figure.mean)) : frame.marginLeft;
  const box = {
    x: frame.marginLeft + 0.6,
    y,
    width: Math.max(1, end - frame.marginLeft - 1.2),
    height: BAR - 1,
    rx: 1.5,
  };
  const words = `${kind} ${known ? bytesFigure(figure) : "not measured"}`;
  return [
    ...(known ? [frame.element("rect", { ...box, fill, stroke, "stroke-width": 1.2 })] : []),
    frame.element("text", { x: end + 6, y: y + BAR / 2, dy: "0.33em", "text-anchor": "start", class: "small" }, words),
  ];
}

const size = ({ mean }: Figure): number => (Number.isFinite(mean) ? mean : Number.MAX_VALUE);

function summary({ name, result }: Series): string {
  return `${name}: training ${bytesFigure(result.peakTrainBytes)}, decoding ${bytesFigure(result.peakDecodeBytes)}.`;
}
