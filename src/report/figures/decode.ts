/** Time per decoded token against context length. */
import { html, type Part } from "../escape.ts";
import { contextLength, plusMinus, threeDigits } from "../format.ts";
import type { Series } from "../series.ts";
import { type FigureSpec, nameList } from "./figure.ts";
import { type Axis, contextAxis, drawLines, type Line } from "./lines.ts";
import { decimalTicks, evenTicks, extent } from "./ticks.ts";

export function decodeFigure(series: readonly Series[]): FigureSpec {
  const lines = series.map((one): Line => ({ series: one, points: decodePoints(one) }));
  const contexts = [...new Set(series.flatMap((one) => one.result.decode.map((point) => point.context)))].sort(
    (a, b) => a - b,
  );
  return {
    id: "decode-context",
    title: "Decoding time against context length",
    draw: (view) => draw(lines, view),
    keyed: true,
    alt: `Line chart: milliseconds per decoded token against context length. ${lines.map(summary).join(" ")}`,
    caption: html`Lower is better; a flat line keeps its speed however long the text. Bars span the repeats. ${decodeNotes(series)}`,
    values: {
      columns: contexts.map((context) => `ms per token at ${contextLength(context)}`),
      rows: series.map((one) => ({ series: one, cells: contexts.map((context) => decodeAt(one, context)) })),
    },
  };
}

function decodePoints({ result }: Series): Line["points"] {
  return result.decode
    .map(({ context, msPerToken: { mean, spread, n } }) => {
      const half = n > 1 && Number.isFinite(spread) ? spread / 2 : 0;
      return { x: context, y: mean, low: Math.max(mean - half, mean / 100), high: mean + half };
    })
    .filter((point) => point.x > 0 && point.y > 0 && Number.isFinite(point.y))
    .sort((a, b) => a.x - b.x);
}

function draw(lines: readonly Line[], view: "wide" | "narrow") {
  const points = lines.flatMap((line) => line.points);
  const x = extent(points.map((point) => point.x)) ?? { low: 1024, high: 16384 };
  const y = extent(points.flatMap((point) => [point.low, point.high])) ?? { low: 0, high: 1 };
  return drawLines(
    {
      lines,
      x: contextAxis(x, view),
      y: timeAxis(y),
      spread: "bars",
    },
    view,
  );
}

/** From zero where the times are of one size, logarithmic where they are not. */
function timeAxis({ low, high }: { low: number; high: number }): Axis {
  const label = (scale: string) => `Time per token (ms${scale})`;
  const format = (value: number) =>
    threeDigits(value)
      .replace(/(\.\d*?)0+$/, "$1")
      .replace(/\.$/, "");
  if (!(low > 0 && high / low > 12))
    return { label: label(""), format, type: "linear", domain: [0, high * 1.05], ticks: evenTicks(0, high * 1.05, 6) };
  const domain = [low / 1.25, high * 1.25] as const;
  return { label: label(", log scale"), format, type: "log", domain, ticks: decimalTicks(domain[0], domain[1], 9) };
}

function decodeAt({ result }: Series, context: number): string {
  const point = result.decode.find((one) => one.context === context);
  return point === undefined ? "not measured" : plusMinus(point.msPerToken);
}

/** How generation was measured where it is not token by token, equal notes once. */
export function decodeNotes(series: readonly Series[]): Part {
  const noted = [...new Set(series.flatMap(({ result }) => result.decodeNote ?? []))];
  return noted.map((note) => html`${nameList(series.filter(({ result }) => result.decodeNote === note))}: ${note}. `);
}

function summary({ series, points }: Line): string {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return `${series.name}: not measured.`;
  return `${series.name}: ${threeDigits(first.y)} ms at ${contextLength(first.x)}, ${threeDigits(last.y)} ms at ${contextLength(last.x)} tokens.`;
}
