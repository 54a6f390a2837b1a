import type { Comparison } from "./comparison.ts";

const headings = ["model", "peer", "mode", "ratio", "min", "max", "seqlab ms", "peer ms", "params", "peak MB"];

/** The comparisons as an aligned table: ratios first, absolute figures (this machine's, today's) as a side note. */
export function comparisonTable(comparisons: readonly Comparison[]): string {
  const rows = [headings, ...comparisons.map(cells)];
  const widths = headings.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const align = (cell: string, column: number) =>
    column < 3 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
  const lines = rows.map((row) => row.map(align).join("  ").trimEnd());
  return [...lines, "", "ratio = peer / seqlab, > 1 when seqlab is faster; pairs are seqlab / peer"].join("\n");
}

function cells({ model, mode, ratio, ours, theirs }: Comparison): string[] {
  const ratios = [ratio.median, ratio.min, ratio.max].map((value) => value.toFixed(2));
  const megabytes = [ours, theirs].map((side) => Math.round(side.peakBytes / 1e6));
  const params = ours.params === theirs.params ? `${ours.params}` : `${ours.params} / ${theirs.params}`;
  const times = [ours, theirs].map((side) => side.ms.median.toFixed(1));
  return [model, theirs.name, mode, ...ratios, ...times, params, megabytes.join(" / ")];
}
