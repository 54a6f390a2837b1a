import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseStored } from "../../checkpoints/index.ts";
import { nearest, parseSpecText } from "../../spec/index.ts";
import { fail } from "../../tensor/index.ts";
import { type Study, studySchema } from "./schema.ts";

const folder = fileURLToPath(new URL("../../../studies/", import.meta.url));

/** Names of the studies that seqlab ships. */
export function shippedStudies(): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .map((file) => file.slice(0, -".json".length))
    .sort();
}

/** A study from plain data. Throws E_STUDY, naming the path. */
export const parseStudy = (value: unknown, where: string): Study =>
  parseStored(studySchema, value, { where, code: "E_STUDY" });

/** A shipped study by name, or a file (JSON or YAML) by path. Throws E_STUDY_FILE, E_STUDY, E_SPEC_TEXT. */
export function loadStudy(nameOrFile: string): Study {
  const shipped = shippedStudies();
  const file = shipped.includes(nameOrFile) ? join(folder, `${nameOrFile}.json`) : nameOrFile;
  if (!existsSync(file)) failFile(nameOrFile, shipped);
  return parseStudy(parseSpecText(readFileSync(file, "utf8"), nameOrFile), nameOrFile);
}

function failFile(nameOrFile: string, shipped: readonly string[]): never {
  const near = extname(nameOrFile) === "" ? nearest(nameOrFile, shipped) : undefined;
  return fail({
    code: "E_STUDY_FILE",
    where: nameOrFile,
    expected: `a study's file, or one of ${shipped.join(", ")}`,
    got: "no such file",
    ...(near && { hint: `Did you mean "${near}"?` }),
  });
}
