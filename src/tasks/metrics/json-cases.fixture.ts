import { globSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
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
