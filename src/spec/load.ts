import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ModelSpec } from "../model/index.ts";
import { fail } from "../tensor/index.ts";
import { nearest } from "./messages.ts";
import { canonicalSpec } from "./normalise.ts";
import { parseSpecText } from "./text.ts";

const folder = fileURLToPath(new URL("../../specs/", import.meta.url));

/** Names of the specs that seqlab ships. */
export function shippedSpecs(): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .map((file) => file.slice(0, -".json".length))
    .sort();
}

/** A shipped spec by name, or a spec file (JSON or YAML) by path, in canonical form. */
export function loadSpec(nameOrFile: string): ModelSpec {
  const shipped = shippedSpecs();
  const file = shipped.includes(nameOrFile) ? join(folder, `${nameOrFile}.json`) : nameOrFile;
  return canonicalSpec(parseSpecText(readSpecFile(file, { nameOrFile, shipped }), nameOrFile), nameOrFile);
}

function readSpecFile(
  file: string,
  { nameOrFile, shipped }: { nameOrFile: string; shipped: readonly string[] },
): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const near = extname(nameOrFile) === "" ? nearest(nameOrFile, shipped) : undefined;
    return fail({
      code: "E_SPEC_FILE",
      where: nameOrFile,
      expected: `a spec file, or one of ${shipped.join(", ")}`,
      got: (error as NodeJS.ErrnoException).code === "ENOENT" ? "no such file" : (error as Error).message,
      ...(near && { hint: `Did you mean "${near}"?` }),
      cause: error,
    });
  }
}
