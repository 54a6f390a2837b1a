import { readRows } from "../rows/list.ts";
import { rowMentions, testFiles } from "../rows/mentions.ts";
import { findFiles, root } from "../source/files.ts";
import type { Step } from "./step.ts";

/** Every `[row-id]` at the beginning of a test's name is a row of the list. */
export const rowNames: Step = {
  name: "row-names",
  find() {
    const known = new Set(readRows().map((row) => row.id));
    const mentions = findFiles(root, testFiles).flatMap(rowMentions);
    const unknown = mentions.filter(({ row }) => !known.has(row));
    return {
      problems: unknown.map(({ path, line, row }) => `${path}:${line}: [${row}] is not a row of scripts/rows/rows.txt`),
      note: `${new Set(mentions.map(({ row }) => row)).size} of ${known.size} rows have a test or a protocol`,
    };
  },
};
