import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join, resolve, sep } from "node:path";

/** Absolute path of the checkout. */
export const root = resolve(import.meta.dirname, "../..");

/** Files that git tracks or would track (new, not ignored), relative to `root`, with forward slashes, sorted. */
export function projectFiles(): string[] {
  const list = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  const paths = list.split("\0").filter((path) => path !== "" && existsSync(join(root, path)));
  return [...new Set(paths)].sort();
}

/** Paths under `base` that match, relative to it, with forward slashes, sorted. */
export function findFiles(base: string, patterns: readonly string[]): string[] {
  return globSync([...patterns], { cwd: base })
    .map((path) => path.split(sep).join("/"))
    .sort();
}

export function readText(base: string, path: string): string {
  return readFileSync(join(base, path), "utf8");
}
