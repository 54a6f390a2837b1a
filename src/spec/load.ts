import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ModelSpec } from "../model/index.ts";
import { fail } from "../tensor/index.ts";
import { nearest } from "./messages.ts";
import { canonicalSpec } from "./normalise.ts";
import { parseSpecText } from "./text.ts";

const folder = fileURLToPath(new URL("../../specs/", import.meta.url));

/**
 * Beside the gallery that the quick look compares: architectures at the sizes that were published, the same ones so small
 * that they train in seconds, and encoder–decoders of one size for pairs of short sequences.
 */
export const specShelves = ["published", "tiny", "g2p"] as const;
export type SpecShelf = (typeof specShelves)[number];

/** Names of the specs that seqlab ships: the gallery, or those of a shelf, as `published/gpt-2`. */
export function shippedSpecs(shelf?: SpecShelf): string[] {
  return readdirSync(join(folder, shelf ?? ""))
    .filter((file) => file.endsWith(".json"))
    .map((file) => `${shelf === undefined ? "" : `${shelf}/`}${file.slice(0, -".json".length)}`)
    .sort();
}

/**
 * A shipped spec by name, or a spec file (JSON or YAML) by path, in canonical form. Shipped ones go by their path in a checkout, too,
 * from any folder: `specs/llama.json`, and without its shelf a published one, `specs/transformer-base.json`.
 */
export function loadSpec(nameOrFile: string): ModelSpec {
  const gallery = shippedSpecs();
  const shelved = specShelves.flatMap(shippedSpecs);
  const name = existsSync(nameOrFile)
    ? nameOrFile
    : (/^(?:\.\/)?specs\/(.+)\.json$/.exec(nameOrFile)?.[1] ?? nameOrFile);
  const shipped = [name, ...(name === nameOrFile ? [] : [`published/${name}`])].find(
    (one) => gallery.includes(one) || shelved.includes(one),
  );
  const file = shipped === undefined ? nameOrFile : join(folder, `${shipped}.json`);
  return canonicalSpec(parseSpecText(readSpecFile(file, { nameOrFile, gallery, shelved }), nameOrFile), nameOrFile);
}

function readSpecFile(
  file: string,
  { nameOrFile, gallery, shelved }: { nameOrFile: string; gallery: readonly string[]; shelved: readonly string[] },
): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const near =
      code === "ENOENT" && (extname(nameOrFile) === "" ? nearestShipped : namesake)(nameOrFile, { gallery, shelved });
    return fail({
      code: "E_SPEC_FILE",
      where: nameOrFile,
      expected: `a spec file, or one of ${gallery.join(", ")}, ${specShelves.map((shelf) => `${shelf}/NAME`).join(", ")}`,
      got: { ENOENT: "no such file", EISDIR: "a folder" }[code ?? ""] ?? message,
      ...(near && { hint: `Did you mean "${near}"?` }),
      cause: error,
    });
  }
}

/** The shipped spec whose file has this file's name. */
function namesake(
  file: string,
  { gallery, shelved }: { gallery: readonly string[]; shelved: readonly string[] },
): string | undefined {
  const name = basename(file, extname(file));
  return [...gallery, ...shelved].find((path) => path === name || path.endsWith(`/${name}`));
}

/** A name that stands on a shelf is meant even without the shelf. */
function nearestShipped(
  name: string,
  { gallery, shelved }: { gallery: readonly string[]; shelved: readonly string[] },
): string | undefined {
  const bare = nearest(name, [...gallery, ...shelved.map((path) => path.slice(path.indexOf("/") + 1))]);
  const whole = [...gallery, ...shelved].find((path) => path === bare || path.endsWith(`/${bare}`));
  return name.includes("/") ? nearest(name, shelved) : whole;
}
