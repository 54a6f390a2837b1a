import { posix } from "node:path";
import type { Node } from "oxc-parser";
import { fail } from "../../src/tensor/error.ts";
import { findFiles, readText } from "../source/files.ts";
import { constantText, parseSource } from "../source/parse.ts";

/** Folders of components below `src/blocks`, a family each, token mixers first. */
export const componentFolders = [
  "mixers",
  "channels",
  "norms",
  "positions",
  "residuals",
  "streams",
  "histories",
  "embeddings",
  "heads",
] as const;

/** A component's declaration: `export const name = define…({ kind: "…" …`. */
export interface Component {
  /** Name of the export. */
  name: string;
  /** Its kind, which is the name of its file. */
  kind: string;
}

/** The components declared by the files of one folder, sorted by kind. Files that declare none are machinery. */
export function findComponents(folder: string): Component[] {
  return findFiles(folder, ["*.ts"])
    .filter((file) => !file.endsWith(".test.ts"))
    .flatMap((file) => declaredComponents(file, readText(folder, file)))
    .sort((a, b) => (a.kind < b.kind ? -1 : 1));
}

/** The component that a file declares, as a list of one, or none. */
export function declaredComponents(file: string, text: string): Component[] {
  const found = parseSource(file, text).program.body.flatMap(exportedDefinitions);
  const expected = posix.basename(file, ".ts");
  for (const { name, kind } of found) {
    if (kind === expected) continue;
    fail({
      code: "E_COMPONENT_KIND",
      where: `${file}: ${name}.kind`,
      expected: `"${expected}", the file's name`,
      got: `"${kind}"`,
    });
  }
  if (found.length < 2) return found;
  fail({ code: "E_COMPONENT_COUNT", where: file, expected: "one component a file", got: `${found.length}` });
}

function exportedDefinitions(statement: Node): Component[] {
  if (statement.type !== "ExportNamedDeclaration" || statement.declaration?.type !== "VariableDeclaration") return [];
  return statement.declaration.declarations.flatMap(({ id, init }) => {
    const kind = init === null ? undefined : definedKind(init);
    return kind === undefined || id.type !== "Identifier" ? [] : [{ name: id.name, kind }];
  });
}

/** The kind given to a call of a function named `define…`, through `as` and `satisfies`. */
function definedKind(node: Node): string | undefined {
  if (node.type === "TSAsExpression" || node.type === "TSSatisfiesExpression") return definedKind(node.expression);
  if (node.type !== "CallExpression" || node.callee.type !== "Identifier") return undefined;
  const [declaration] = node.arguments;
  if (!/^define[A-Z]/.test(node.callee.name) || declaration?.type !== "ObjectExpression") return undefined;
  const kind = declaration.properties.find(
    (property) => property.type === "Property" && property.key.type === "Identifier" && property.key.name === "kind",
  );
  return kind?.type === "Property" ? constantText(kind.value) : undefined;
}
