import { isMap, isScalar, LineCounter, type ParsedNode, parseDocument, visit, type YAMLMap } from "yaml";
import { fail } from "../tensor/index.ts";

const longestText = 1_000_000;

/** Text of a spec (JSON or YAML) to plain data. Throws E_SPEC_TEXT with line and column. */
export function parseSpecText(text: string, source: string): unknown {
  if (text.length > longestText)
    fail({
      code: "E_SPEC_TEXT",
      where: source,
      expected: `at most ${longestText} characters`,
      got: String(text.length),
    });
  const lineCounter = new LineCounter();
  // The library looks for doubled keys in quadratic time: see assertUniqueKeys.
  const document = parseDocument(text, { uniqueKeys: false, stringKeys: true, lineCounter });
  const [error] = document.errors;
  if (error) failText(`${source}:${placeOf(error.pos[0], lineCounter)}`, reasonOf(error), error);
  assertUniqueKeys(document.contents, { source, lineCounter });
  return plainData(() => document.toJS({ maxAliasCount: 50 }), source);
}

const placeOf = (offset: number, lines: LineCounter): string => {
  const { line, col } = lines.linePos(offset);
  return `${line}:${col}`;
};

/** The parser's sentence without its place, which stands in front of ours. */
const reasonOf = ({ message }: Error): string => message.split("\n")[0]!.replace(/ at line \d+, column \d+:?$/, "");

function failText(where: string, got: string, cause?: unknown): never {
  return fail({ code: "E_SPEC_TEXT", where, expected: "JSON or YAML", got, cause });
}

function assertUniqueKeys(contents: ParsedNode | null, at: { source: string; lineCounter: LineCounter }): void {
  visit(contents, { Map: (_, map) => (isMap(map) ? assertUnique(map, at) : undefined) });
}

function assertUnique({ items }: YAMLMap, { source, lineCounter }: { source: string; lineCounter: LineCounter }): void {
  const seen = new Set<unknown>();
  for (const { key } of items) {
    if (!isScalar(key)) continue;
    if (seen.has(key.value))
      failText(
        `${source}:${placeOf(key.range?.[0] ?? 0, lineCounter)}`,
        `the key "${String(key.value).slice(0, 60)}" twice`,
      );
    seen.add(key.value);
  }
}

function plainData(read: () => unknown, source: string): unknown {
  try {
    return read();
  } catch (error) {
    return failText(source, error instanceof Error ? reasonOf(error) : String(error), error);
  }
}
