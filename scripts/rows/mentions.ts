import { type Node, Visitor } from "oxc-parser";
import { readText, root } from "../source/files.ts";
import { constantText, parseSource, texts } from "../source/parse.ts";

/** A row named by a test or a protocol. */
export interface RowMention {
  row: string;
  path: string;
  line: number;
}

/** Where tests and protocols lie. */
export const testFiles = ["{src,scripts,bench,examples,web}/**/*.test.ts", "evidence/protocols/*.ts"];

/** The row at the beginning of a test's name: `[sdpa] equals the triple loop` → `sdpa`. */
export const rowOfName = (name: string): string | undefined => /^\[([a-z0-9]+(?:-[a-z0-9]+)*)\] /.exec(name)?.[1];

/** Rows that a file names: in the names of tests, or in the `rows` of a protocol. */
export function rowMentions(path: string): RowMention[] {
  const source = parseSource(path, readText(root, path));
  const named = texts(source).flatMap(({ value, line }) => ({ row: rowOfName(value), line }));
  const found = path.endsWith(".test.ts")
    ? named
    : listedRows(source.program).map(({ row, at }) => ({ row, line: source.lineAt(at) }));
  return found.flatMap(({ row, line }) => (row === undefined ? [] : [{ row, path, line }]));
}

/** Constant elements of every `rows: […]`. */
function listedRows(program: Node & { type: "Program" }): { row: string | undefined; at: number }[] {
  const found: { row: string | undefined; at: number }[] = [];
  new Visitor({
    Property: ({ key, value }) => {
      if (key.type !== "Identifier" || key.name !== "rows" || value.type !== "ArrayExpression") return;
      for (const element of value.elements) {
        if (element !== null) found.push({ row: constantText(element), at: element.start });
      }
    },
  }).visit(program);
  return found;
}
