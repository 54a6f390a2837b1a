/** Lines of numbers over layers, tokens or steps, with a key beneath. */
import * as Plot from "@observablehq/plot";
import { type Html, html, isolated, raw } from "../escape.ts";
import { type Axis, frameMarks, leftMargin } from "../figures/lines.ts";
import { drawPlot, type Mark, type View, WIDTH } from "../figures/plot.ts";
import { decimalTicks, evenTicks, extent } from "../figures/ticks.ts";

export interface ChartLine {
  name: string;
  color: string;
  dash?: string;
  points: readonly { x: number; y: number; low?: number; high?: number }[];
  /** Marks at the points alone, without a line between them. */
  apart?: boolean;
}

export interface Chart {
  lines: readonly ChartLine[];
  x: { label: string; format: (value: number) => string; ticks?: (view: View) => readonly number[] };
  y: { label: string; format: (value: number) => string; type?: "linear" | "log"; domain?: readonly [number, number] };
}

/** Colours that stay apart for readers who see few, in this order. */
export const hues = ["var(--attention)", "var(--state-space)", "var(--linear-attention)", "var(--xlstm)"] as const;

/** The i-th of n steps from the first hue to the second: for lines that have an order. */
export const inOrder = (i: number, n: number): string =>
  n <= 1 ? hues[0] : `color-mix(in oklab, ${hues[1]} ${Math.round((100 * i) / (n - 1))}%, ${hues[0]})`;

export function drawChart({ lines, x, y }: Chart, view: View): Html {
  const across = extent(lines.flatMap(({ points }) => points.map((point) => point.x)));
  const values = lines.flatMap(({ points }) => points.flatMap(({ y, low = y, high = y }) => [y, low, high]));
  const log = y.type === "log";
  const up = extent(log ? values.filter((value) => value > 0) : values);
  if (across === undefined || up === undefined) return html`<p class="empty">No finite values to draw.</p>`;
  // Marks without lines stand in columns, which need room on both sides.
  const apart = lines.every((line) => line.apart);
  const domain = y.domain ?? around(up, log);
  const axes: { x: Axis; y: Axis } = {
    x: {
      label: x.label,
      format: x.format,
      type: "linear",
      domain: apart ? [across.low - 0.5, across.high + 0.5] : [across.low, Math.max(across.high, across.low + 1)],
      ticks: x.ticks?.(view) ?? evenTicks(across.low, across.high, view === "wide" ? 6 : 4),
    },
    y: {
      label: y.label,
      format: y.format,
      type: log ? "log" : "linear",
      domain,
      ticks: log ? decimalTicks(...domain, 8) : evenTicks(...domain, 5),
    },
  };
  return drawPlot({
    width: WIDTH[view],
    height: view === "wide" ? 300 : 260,
    marginTop: 30,
    marginBottom: 42,
    marginLeft: leftMargin(axes.y),
    marginRight: 14,
    x: { domain: [...axes.x.domain] },
    y: { type: axes.y.type, domain: [...domain] },
    marks: [...frameMarks(axes.x, axes.y), ...lines.toReversed().flatMap((line) => lineMarks(line, log))],
  });
}

function lineMarks({ color, dash, points, apart, name }: ChartLine, log: boolean): Mark[] {
  const drawn = points.map((point) => (log && !(point.y > 0) ? { ...point, y: Number.NaN } : point));
  const band = drawn.filter(({ low, high }) => low !== undefined && high !== undefined && (!log || low > 0));
  return [
    ...(band.length > 1 ? [Plot.areaY(band, { x: "x", y1: "low", y2: "high", fill: color, fillOpacity: 0.15 })] : []),
    ...(apart
      ? []
      : [
          Plot.lineY(drawn, {
            x: "x",
            y: "y",
            stroke: color,
            strokeWidth: 1.9,
            ...(dash && { strokeDasharray: dash }),
          }),
        ]),
    ...(apart || drawn.length <= 24
      ? [
          Plot.dot(
            drawn.filter(({ y }) => Number.isFinite(y)),
            { x: "x", y: "y", r: 3.2, fill: color, stroke: "var(--paper)", strokeWidth: 0.8, title: () => name },
          ),
        ]
      : []),
  ];
}

/** A little air on both sides. */
function around({ low, high }: { low: number; high: number }, log: boolean): [number, number] {
  if (log) return [low / 1.3, high * 1.3];
  const pad = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [low >= 0 ? Math.max(0, low - pad) : low - pad, high + pad];
}

/** What the lines are, in words. */
export function legend(lines: readonly ChartLine[]): Html {
  const entries = lines.map(({ name, color, dash, apart }) => {
    const sample = apart
      ? html`<circle cx="11" cy="6" r="3.6" fill="${raw(color)}"/>`
      : html`<path d="M1 6H21" fill="none" stroke="${raw(color)}" stroke-width="2.4" stroke-dasharray="${dash ?? ""}"/>`;
    return html`<li><svg viewBox="0 0 22 12" width="22" height="12" aria-hidden="true">${sample}</svg>${isolated(name)}</li>`;
  });
  return html`<ul class="legend">${entries}</ul>`;
}
