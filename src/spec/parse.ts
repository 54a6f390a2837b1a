import { parseDocument } from "yaml";
import { fail } from "../tensor/index.ts";
import { specError } from "./messages.ts";
import type { SpecInput } from "./input.ts";
import { type ParsedSpec, specSchema } from "./schema.ts";

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
  const document = parseDocument(text, { uniqueKeys: true, stringKeys: true });
  const [error] = document.errors;
  if (error) {
    const { line, col } = error.linePos?.[0] ?? { line: 1, col: 1 };
    fail({
      code: "E_SPEC_TEXT",
      where: `${source}:${line}:${col}`,
      expected: "JSON or YAML",
      got: error.message.split("\n")[0]!,
      cause: error,
    });
  }
  return plainData(() => document.toJS({ maxAliasCount: 50 }), source);
}

function plainData(read: () => unknown, source: string): unknown {
  try {
    return read();
  } catch (error) {
    return fail({
      code: "E_SPEC_TEXT",
      where: source,
      expected: "plain data",
      got: error instanceof Error ? error.message : String(error),
      cause: error,
    });
  }
}

/** Unknown data to a spec whose every key and value is known to be legal in itself. Throws with the path of the first fault. */
export function parseSpec(value: SpecInput | unknown, source = "spec"): ParsedSpec {
  const result = specSchema.safeParse(value);
  if (!result.success) throw specError(result.error.issues, { source, value, schema: specSchema });
  return result.data;
}
