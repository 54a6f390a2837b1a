export interface TableColumn {
  head: string;
  align: "left" | "right";
}

/** Aligned columns, two spaces apart; lines end with "\n" and have no trailing spaces. */
export function renderTable(columns: readonly TableColumn[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ head }, i) => Math.max(head.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `${columns.map(({ align }, i) => (align === "left" ? (cells[i] ?? "").padEnd(widths[i]!) : (cells[i] ?? "").padStart(widths[i]!))).join("  ")}`.trimEnd();
  return [columns.map(({ head }) => head), ...rows].map((row) => `${line(row)}\n`).join("");
}
