/** Training loss against tokens and against seconds. */

import { html, type Part } from "../escape.ts";
import { counted, decimals3, duration, shortCount, threeDigits } from "../format.ts";
import type { Series } from "../series.ts";
import { BINS, belowCeiling, type CurveBin, divergedSeeds, lossCeiling, meanCurve } from "./curves.ts";
import { type FigureSpec, nameList } from "./figure.ts";
import { type Axis, drawLines, type Line } from "./lines.ts";
import { evenTicks, extent } from "./ticks.ts";

interface Curve {
  series: Series;
  bins: CurveBin[];
}

export function lossFigures(series: readonly Series[]): { tokens: FigureSpec; seconds: FigureSpec } {
  const curves = series.map((one) => ({ series: one, bins: meanCurve(one.result) }));
  return {
    tokens: { ...shared(curves), ...againstTokens(curves) },
    seconds: { ...shared(curves), ...againstSeconds(curves) },
  };
}

function againstTokens(curves: readonly Curve[]) {
  const draw = drawing(curves, "tokens", { label: "Training tokens", format: shortCount });
  const how = "At equal tokens, the lower line has learned more from the same text.";
  return {
    id: "loss-tokens",
    title: "Training loss against tokens",
    draw,
    alt: altText("Training loss in nats per token against training tokens", curves),
    caption: html`Lower is better. ${how} ${reading(curves)}`,
  };
}

function againstSeconds(curves: readonly Curve[]) {
  const inMinutes = longest(curves) > 600;
  const format = (seconds: number) => threeDigits(inMinutes ? seconds / 60 : seconds).replace(/\.0+$/, "");
  const draw = drawing(curves, "seconds", {
    label: `Training time (${inMinutes ? "minutes" : "seconds"}, without evaluation)`,
    format,
  });
  return {
    id: "loss-seconds",
    title: "Training loss against time",
    draw,
    alt: altText("Training loss in nats per token against training time", curves),
    caption: html`The same curves against time on this machine: a line that ends early is a model that trains fast. Lower and further left is better.`,
  };
}

function drawing(
  curves: readonly Curve[],
  by: "tokens" | "seconds",
  { label, format }: Pick<Axis, "label" | "format">,
): FigureSpec["draw"] {
  const ceiling = lossCeiling(curves.map((curve) => curve.bins));
  const lines = curves.map(({ series, bins }): Line => {
    return {
      series,
      points: belowCeiling(bins, ceiling).map((bin) => ({ x: bin[by], y: bin.loss, low: bin.low, high: bin.high })),
    };
  });
  const x = extent(curves.flatMap(({ bins }) => bins.map((bin) => bin[by])));
  const y = extent(lines.flatMap(({ points }) => points.flatMap((point) => [point.low, point.high])));
  const end = x?.high || 1;
  const pad = y === undefined ? 0 : (y.high - y.low) * 0.03 || 0.05;
  const domain: [number, number] = [(y?.low ?? 0) - pad, (y?.high ?? 1) + pad];
  return (view) =>
    drawLines(
      {
        lines,
        x: { label, format, type: "linear", domain: [0, end], ticks: evenTicks(0, end, view === "wide" ? 5 : 3) },
        y: {
          label: "Training loss (nats per token)",
          type: "linear",
          domain,
          ticks: evenTicks(...domain, 6),
          format: threeDigits,
        },
        spread: "band",
      },
      view,
    );
}

/** What is common to both: the values at the end of training. */
function shared(curves: readonly Curve[]): Pick<FigureSpec, "values" | "keyed"> {
  const rows = curves.map(({ series, bins }) => {
    const last = bins.at(-1);
    const spread = last ? `${decimals3(last.low)} – ${decimals3(last.high)}` : "—";
    return {
      series,
      cells: [
        decimals3(last?.loss ?? Number.NaN),
        spread,
        shortCount(last?.tokens ?? Number.NaN),
        duration(last?.seconds ?? Number.NaN),
      ],
    };
  });
  return {
    keyed: true,
    values: { columns: ["Final loss (nats per token)", "Lowest – highest seed", "Tokens", "Time"], rows },
  };
}

function reading(curves: readonly Curve[]): Part {
  const seeds = Math.max(0, ...curves.map(({ series }) => series.result.curves.length));
  const dense = curves.some(({ series }) => series.result.curves.some((curve) => curve.points.length > BINS));
  const band =
    seeds > 1
      ? `Lines are means over ${counted(seeds, "seed")}, bands span the lowest and highest seed`
      : "One seed per model, so no band is drawn";
  const smoothed = dense ? `; every point averages 1/${BINS} of training` : "";
  return [`${band}${smoothed}. `, cutOff(curves), upperBounds(curves), diverged(curves)];
}

function cutOff(curves: readonly Curve[]): Part {
  const ceiling = lossCeiling(curves.map((curve) => curve.bins));
  return (
    curves.some(({ bins }) => bins.some((bin) => bin.loss > ceiling)) &&
    `Losses above ${threeDigits(ceiling)} are not drawn. `
  );
}

function upperBounds(curves: readonly Curve[]): Part {
  const bounds = curves
    .map((curve) => curve.series)
    .filter((series) => series.result.bitsPerByte.kind === "upper-bound");
  return (
    bounds.length > 0 &&
    html`The loss of ${nameList(bounds)} is a noisy estimate of an upper bound: compare its trend, not its level. `
  );
}

function diverged(curves: readonly Curve[]): Part {
  const broken = curves.filter(({ series }) => divergedSeeds(series.result) > 0);
  return (
    broken.length > 0 &&
    html`Some losses of ${nameList(broken.map((curve) => curve.series))} were not finite; they are left out.`
  );
}

function altText(what: string, curves: readonly Curve[]): string {
  const ends = curves.map(({ series, bins }) => `${series.name} ${decimals3(bins.at(-1)?.loss ?? Number.NaN)}`);
  return `Line chart: ${what}, one line per model. Final values: ${ends.join(", ")}.`;
}

const longest = (curves: readonly Curve[]): number =>
  Math.max(0, ...curves.map(({ bins }) => bins.at(-1)?.seconds ?? 0));
