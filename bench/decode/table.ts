import type { Flatness } from "./flatness.ts";

/** One row a mixer: state, microseconds a token at the first context, and the ratios of the others to it. */
export function flatnessTable(results: readonly Flatness[]): string {
  const contexts = [...new Set(results.flatMap((one) => one.contexts.map(({ context }) => context)))];
  const others = contexts.slice(1);
  const head = ["mixer", "state bytes", `µs at ${contexts[0]}`, "itself again", ...others.map((n) => `${n}`), "flat"];
  const rows = [head, ...results.map((one) => cells(one, others))];
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd();
  return [...rows.map(line), "", "ratios to the first context: median of rounds (least to most)"].join("\n");
}

function cells({ mixer, contexts, again, flat }: Flatness, others: readonly number[]): string[] {
  const bytes = [...new Set(contexts.map(({ stateBytes }) => stateBytes))].join(" to ");
  const ratios = others.map((n) => {
    const at = contexts.find(({ context }) => context === n);
    return at ? ratioText(at.ratio) : "–";
  });
  const first = (1000 * contexts[0]!.msPerToken.median).toFixed(0);
  return [mixer, bytes, first, ratioText(again), ...ratios, flat ? "yes" : "NO"];
}

const ratioText = ({ median, min, max }: { median: number; min: number; max: number }): string =>
  `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
