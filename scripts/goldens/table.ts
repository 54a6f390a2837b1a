import type { GoldenResult } from "../../src/testing/goldens/index.ts";

const statuses = ["agreed", "disagreed", "absent"] as const;

/** One line per component with its counts, its largest error, and what disagreed or why it is absent; then totals per kind. */
export function goldensTable(results: readonly GoldenResult[]): string {
  const components = Map.groupBy(results, ({ kind, component }) => `${kind}/${component}`);
  const width = Math.max(0, ...[...components.keys()].map((name) => name.length));
  const kinds = Map.groupBy(results, ({ kind }) => kind);
  return [
    `${"".padEnd(width)}  agreed disagreed absent  max error`,
    ...[...components].map(([name, list]) => `${name.padEnd(width)}  ${counts(list)}  ${remark(list)}`.trimEnd()),
    "",
    ...[...kinds].map(([kind, list]) => `${kind.padEnd(width)}  ${counts(list)}`),
    `${"all".padEnd(width)}  ${counts(results)}`,
  ].join("\n");
}

const counts = (list: readonly GoldenResult[]) =>
  statuses
    .map((status) => String(list.filter((result) => result.status === status).length).padStart(status.length))
    .join(" ");

function remark(list: readonly GoldenResult[]): string {
  const errors = list.flatMap(({ maxError }) => maxError ?? []);
  const largest = (errors.length === 0 ? "" : Math.max(...errors).toExponential(1)).padEnd(9);
  const worst = list.find(({ status }) => status === "disagreed") ?? list.find(({ status }) => status === "absent");
  return worst ? `${largest}  ${worst.case}: ${worst.where}` : largest;
}
