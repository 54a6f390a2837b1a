import { type Expression, type Node, type Program, parseSync, Visitor } from "oxc-parser";

/** A parsed source file. */
export interface Source {
  program: Program;
  /** Syntax errors, as sentences; empty for a well-formed file. */
  errors: string[];
  /** Line, from 1, of a character offset. */
  lineAt(offset: number): number;
}

/** How one file names another: by import or re-export (types included), or by `new URL("…", import.meta.url)`. */
export interface Reference {
  specifier: string;
  form: "import" | "url";
  line: number;
}

/** A function with a body. */
export interface FunctionSize {
  line: number;
  lines: number;
}

/** A string literal, or the constant beginning of a template literal. */
export interface Text {
  value: string;
  line: number;
}

export function parseSource(path: string, text: string): Source {
  const { program, errors } = parseSync(path, text, { range: false });
  const starts = [0, ...[...text.matchAll(/\n/g)].map((newline) => newline.index + 1)];
  return {
    program,
    errors: errors.map((error) => error.message),
    lineAt: (offset) => starts.findLastIndex((start) => start <= offset) + 1,
  };
}

/** Every reference with a constant specifier, in source order. */
export function references({ program, lineAt }: Source): Reference[] {
  const found: Reference[] = [];
  const add = (specifier: string | undefined, form: Reference["form"], node: Node): void => {
    if (specifier !== undefined) found.push({ specifier, form, line: lineAt(node.start) });
  };
  new Visitor({
    ImportDeclaration: (node) => add(node.source.value, "import", node),
    ExportNamedDeclaration: (node) => add(node.source?.value, "import", node),
    ExportAllDeclaration: (node) => add(node.source.value, "import", node),
    ImportExpression: (node) => add(constantText(node.source), "import", node),
    TSImportType: (node) => add(node.source.value, "import", node),
    NewExpression: (node) => {
      const [target, from] = node.arguments;
      const isUrl =
        node.callee.type === "Identifier" && node.callee.name === "URL" && from?.type === "MemberExpression";
      if (isUrl && target !== undefined) add(constantText(target), "url", node);
    },
  }).visit(program);
  return found;
}

/** String literals and the constant beginnings of templates, in source order. */
export function texts({ program, lineAt }: Source): Text[] {
  const found: Text[] = [];
  new Visitor({
    Literal: (node) => {
      if (typeof node.value === "string") found.push({ value: node.value, line: lineAt(node.start) });
    },
    TemplateLiteral: (node) => {
      found.push({ value: node.quasis[0]?.value.cooked ?? "", line: lineAt(node.start) });
    },
  }).visit(program);
  return found;
}

export function functionSizes({ program, lineAt }: Source): FunctionSize[] {
  const found: FunctionSize[] = [];
  const add = (node: Node): void => {
    const line = lineAt(node.start);
    found.push({ line, lines: lineAt(node.end) - line + 1 });
  };
  new Visitor({ FunctionDeclaration: add, FunctionExpression: add, ArrowFunctionExpression: add }).visit(program);
  return found;
}

/** Value of a string literal or of a template without holes. */
export function constantText(node: Expression | Node): string | undefined {
  if (node.type === "Literal") return typeof node.value === "string" ? node.value : undefined;
  if (node.type !== "TemplateLiteral" || node.expressions.length > 0) return undefined;
  return node.quasis[0]?.value.cooked ?? undefined;
}
