/** Validation bits per byte against state size at two context lengths; models without a state stand in a strip of their own. */
import { html } from "../escape.ts";
import { bitsPerByte, bytes, decimals3, threeDigits } from "../format.ts";
import type { Series } from "../series.ts";
import { type FigureSpec, nameList } from "./figure.ts";
import { type Axis, frameMarks, heightFor, leftMargin } from "./lines.ts";
import { drawPlot, type View, WIDTH } from "./plot.ts";
import { qualityMarks } from "./quality-marks.ts";
import { stateAt } from "./state.ts";
import { evenTicks, extent, powerTicks } from "./ticks.ts";

/** A model's place: its score, and its state at 1k and 16k tokens; both are absent for a model without state. */
export interface QualityPoint {
  series: Series;
  score: number;
  half: number;
  short?: number;
  long?: number;
}

const SHORT_CONTEXT = 1024;
const LONG_CONTEXT = 16384;

export function qualityFigure(series: readonly Series[], unit = "bits per byte"): FigureSpec {
  const points = series.flatMap(qualityPoint);
  const bounds = series.filter((one) => one.result.bitsPerByte.kind === "upper-bound");
  return {
    id: "quality-state",
    title: "Quality against state size",
    draw: (view) => draw(points, { view, unit }),
    keyed: true,
    alt: `Scatter plot: validation ${unit} against state bytes at 1k and 16k tokens. ${series.map((one) => summary(one, unit)).join(" ")}`,
    caption: html`Lower and further left is better: good text from little memory.
The solid marker is the state at 1k tokens, the ring at 16k; a ring around its own marker means a state that does not grow.
${points.some((point) => point.half > 0) && "Vertical bars span the seeds. "}${bounds.length > 0 && html`The score of ${nameList(bounds)} is an upper bound.`}`,
    values: {
      columns: [`Validation ${unit}`, "State at 1k tokens", "State at 16k tokens"],
      rows: series.map((one) => ({
        series: one,
        cells: [bitsPerByte(one.result.bitsPerByte), stateAt(one, SHORT_CONTEXT), stateAt(one, LONG_CONTEXT)],
      })),
    },
  };
}

function qualityPoint(series: Series): QualityPoint[] {
  const { bitsPerByte: figure, stateBytes } = series.result;
  if (!Number.isFinite(figure.mean)) return [];
  const half = figure.n > 1 && Number.isFinite(figure.spread) ? figure.spread / 2 : 0;
  const short = positive(stateBytes?.[String(SHORT_CONTEXT)]);
  const long = positive(stateBytes?.[String(LONG_CONTEXT)]);
  return [
    { series, score: figure.mean, half, ...(short !== undefined && { short }), ...(long !== undefined && { long }) },
  ];
}

function draw(points: readonly QualityPoint[], { view, unit }: { view: View; unit: string }) {
  if (points.length === 0) return html`<p class="empty">No finite values to draw.</p>`;
  const { x, y } = axes(points, { view, unit });
  const stateless = points.some((point) => point.short === undefined && point.long === undefined);
  const strip = stateless ? (view === "wide" ? 92 : 56) : 0;
  return drawPlot({
    width: WIDTH[view],
    height: heightFor(points.length, view),
    marginTop: 30,
    marginBottom: 42,
    marginLeft: leftMargin(y),
    marginRight: 16,
    x: { type: "log", domain: [...x.domain], insetLeft: strip },
    y: { type: "linear", domain: [...y.domain] },
    marks: [...frameMarks(x, y), qualityMarks(points, { view, strip })],
  });
}

function axes(points: readonly QualityPoint[], { view, unit }: { view: View; unit: string }): { x: Axis; y: Axis } {
  const state = extent(points.flatMap(({ short, long }) => [short ?? Number.NaN, long ?? Number.NaN])) ?? {
    low: 1024,
    high: 4096,
  };
  const score = extent(points.flatMap(({ score: at, half }) => [at - half, at + half])) ?? { low: 0, high: 1 };
  const pad = (score.high - score.low) * 0.08 || 0.05;
  const scores: [number, number] = [score.low - pad, score.high + pad];
  const domain = [state.low / 2, state.high * (view === "wide" ? 3 : 2)] as const;
  return {
    x: {
      label: "State (bytes per sequence, log scale)",
      type: "log",
      domain,
      ticks: powerTicks(4, domain[0], domain[1], view === "wide" ? 7 : 4),
      format: bytes,
    },
    y: {
      label: `Validation (${unit})`,
      type: "linear",
      domain: scores,
      ticks: evenTicks(...scores, 6),
      format: threeDigits,
    },
  };
}

function summary({ name, result }: Series, unit: string): string {
  const state =
    result.stateBytes === null
      ? "no state"
      : `${bytes(result.stateBytes[String(SHORT_CONTEXT)] ?? Number.NaN)} at 1k tokens`;
  return `${name}: ${decimals3(result.bitsPerByte.mean)} ${unit}, ${state}.`;
}

const positive = (value: number | undefined): number | undefined =>
  value !== undefined && value > 0 && Number.isFinite(value) ? value : undefined;
