import { fail } from "../../src/tensor/error.ts";
import { readText } from "../source/files.ts";

/** One thing that seqlab sets out to provide. */
export interface Row {
  id: string;
  /** Number and title: `T04 Normalisation and its placement`. */
  group: string;
  /** A core, B mechanism from the literature, C bound to big data, closed or pure theory. */
  priority: "A" | "B" | "C";
}

/** The committed list, `rows.txt`, in its order. */
export const readRows = (): Row[] => parseRows(readText(import.meta.dirname, "rows.txt"));

/** Lines are `# comment`, `Tnn group title` or `  id priority`. Throws on any other line and on an id given twice. */
export function parseRows(text: string): Row[] {
  const rows: Row[] = [];
  const seen = new Set<string>();
  let group = "";
  for (const [index, line] of text.split("\n").entries()) {
    const [, id, priority] = /^ {2}([a-z0-9-]+) ([ABC])$/.exec(line) ?? [];
    if (/^T\d\d \S/.test(line)) group = line;
    else if (id !== undefined && group !== "" && !seen.has(id))
      rows.push({ id, group, priority: priority as Row["priority"] });
    else if (line !== "" && !line.startsWith("#")) refuse(index + 1, line);
    if (id !== undefined) seen.add(id);
  }
  return rows;
}

function refuse(line: number, got: string): never {
  const expected = 'a comment, a group "T01 …", or a new row "  id A" under a group';
  fail({ code: "E_ROWS_LIST", where: `rows.txt:${line}`, expected, got: JSON.stringify(got) });
}
