/** State bytes per sequence against context length. */
import { html, type Part } from "../escape.ts";
import { bytes, contextLength } from "../format.ts";
import type { Series } from "../series.ts";
import { type FigureSpec, nameList } from "./figure.ts";
import { contextAxis, drawLines, type Line } from "./lines.ts";
import { extent, powerTicks } from "./ticks.ts";

export function stateFigure(series: readonly Series[]): FigureSpec {
  const lines = series.map((one): Line => ({ series: one, points: statePoints(one) }));
  const contexts = [...new Set(series.flatMap((one) => Object.keys(one.result.stateBytes ?? {})))]
    .map(Number)
    .sort((a, b) => a - b);
  const stateless = series.filter((one) => one.result.stateBytes === null);
  return {
    id: "state-context",
    title: "State against context length",
    draw: (view) => draw(lines, view),
    keyed: true,
    alt: `Line chart, both axes logarithmic: bytes of state per sequence against context length. ${lines.map(summary).join(" ")}`,
    caption: html`What one sequence must keep in memory to go on generating. A flat line costs the same however long the text; a rising one grows with every token. ${coinciding(series)}${
      stateless.length > 0 && html`Without a state, and so not drawn: ${nameList(stateless)}.`
    }`,
    values: {
      columns: contexts.map((context) => `At ${contextLength(context)} tokens`),
      rows: series.map((one) => ({ series: one, cells: contexts.map((context) => stateAt(one, context)) })),
    },
  };
}

/** Models with the same state everywhere, which no drawing can show apart. */
function coinciding(series: readonly Series[]): Part {
  const groups = new Map<string, Series[]>();
  for (const one of series) {
    const line = JSON.stringify(statePoints(one));
    if (statePoints(one).length > 0) groups.set(line, [...(groups.get(line) ?? []), one]);
  }
  const equal = [...groups.values()].filter((group) => group.length > 1);
  return equal.length > 0 && html`Lines that coincide: ${equal.map((group, i) => [i > 0 && "; ", nameList(group)])}. `;
}

/** Points with a positive number of bytes, by context: a logarithm has no place for the others. */
function statePoints({ result }: Series): Line["points"] {
  return Object.entries(result.stateBytes ?? {})
    .map(([context, value]) => ({ x: Number(context), y: value, low: value, high: value }))
    .filter((point) => point.x > 0 && point.y > 0 && Number.isFinite(point.y))
    .sort((a, b) => a.x - b.x);
}

function draw(lines: readonly Line[], view: "wide" | "narrow") {
  const points = lines.flatMap((line) => line.points);
  const x = extent(points.map((point) => point.x)) ?? { low: 1024, high: 262144 };
  const y = extent(points.map((point) => point.y)) ?? { low: 1, high: 1024 };
  const yTicks = powerTicks(4, y.low, y.high, 8);
  return drawLines(
    {
      lines,
      x: contextAxis(x, view),
      y: {
        label: "State (bytes per sequence, log scale)",
        type: "log",
        domain: [y.low / 1.3, y.high * 1.3],
        ticks: yTicks,
        format: bytes,
      },
      spread: "bars",
    },
    view,
  );
}

export function stateAt({ result }: Series, context: number): string {
  return result.stateBytes === null ? "no state" : bytes(result.stateBytes[String(context)] ?? Number.NaN);
}

function summary({ series, points }: Line): string {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return `${series.name}: no state.`;
  return `${series.name}: ${bytes(first.y)} at ${contextLength(first.x)}, ${bytes(last.y)} at ${contextLength(last.x)} tokens.`;
}
