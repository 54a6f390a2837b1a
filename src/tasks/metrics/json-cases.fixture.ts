import { globSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect } from "vitest";
import { goldensFolder, goldensMissing } from "../../testing/goldens/index.ts";

/** A golden case stored as JSON, under its path without the ending. */
export interface JsonCase<T> {
  readonly name: string;
  readonly value: T;
}

/** Cases of `<folder>/*.json` under the goldens, sorted; none where the goldens are missing. */
export function jsonCases<T>(folder: string): JsonCase<T>[] {
  if (goldensMissing()) return [];
  const base = resolve(goldensFolder(), folder);
  return globSync("*.json", { cwd: base })
    .sort()
    .map((file) => ({
      name: `${folder}/${file.replace(/\.json$/, "")}`,
      value: JSON.parse(readFileSync(resolve(base, file), "utf8")) as T,
    }));
}

/** Numbers that JSON lacks, as the cases spell them. */
const spelled: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  "-inf": Number.NEGATIVE_INFINITY,
};

/**
 * Holds every stored number to ours under the same path: 1e-9 relative, 1e-12 absolute. Whatever is stored must have been
 * computed, except the paths named in `absent`.
 */
export function expectValues(
  actual: unknown,
  stored: unknown,
  { absent = [] as readonly string[], path = "" } = {},
): void {
  if (absent.includes(path) || stored === null) return;
  if (typeof stored === "object")
    for (const [key, part] of Object.entries(stored)) {
      const below = path === "" ? key : `${path}.${key}`;
      expectValues((actual as Record<string, unknown> | undefined)?.[key], part, { absent, path: below });
    }
  else {
    const expected = typeof stored === "string" ? spelled[stored]! : Number(stored);
    if (Number.isFinite(expected)) {
      expect(actual, path).toBeTypeOf("number");
      expect(Math.abs((actual as number) - expected), path).toBeLessThanOrEqual(1e-12 + 1e-9 * Math.abs(expected));
    } else expect(actual, path).toBe(expected);
  }
}
