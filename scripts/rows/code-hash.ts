import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import { readText, root } from "../source/files.ts";
import { parseSource, references } from "../source/parse.ts";

interface FileDigest {
  /** SHA-256 of the text, line ends as `\n`. */
  sha256: string;
  /** Files that it refers to. */
  targets: string[];
}

/** Hashes of the code that files rest on; each file is read once. */
export class CodeHashes {
  readonly #base: string;
  readonly #digests = new Map<string, FileDigest>();

  constructor(base = root) {
    this.#base = base;
  }

  /** SHA-256 over a file and all that it reaches by relative imports and worker urls: paths and contents, in path order. */
  of(path: string): string {
    const lines = this.reach(path).map((file) => `${file} ${this.#digest(file).sha256}\n`);
    return sha256(lines.join(""));
  }

  /** The file and all that it reaches, sorted. */
  reach(path: string): string[] {
    const seen = new Set([path]);
    for (const file of seen) for (const target of this.#digest(file).targets) seen.add(target);
    return [...seen].sort();
  }

  #digest(path: string): FileDigest {
    const known = this.#digests.get(path);
    if (known !== undefined) return known;
    const text = readText(this.#base, path).replaceAll("\r\n", "\n");
    const targets = /\.(ts|tsx|js|mjs)$/.test(path) ? this.#targets(path, text) : [];
    const digest = { sha256: sha256(text), targets };
    this.#digests.set(path, digest);
    return digest;
  }

  #targets(path: string, text: string): string[] {
    return references(parseSource(path, text))
      .filter(({ specifier }) => specifier.startsWith("."))
      .map(({ specifier }) => posix.join(posix.dirname(path), specifier))
      .filter((target) => existsSync(join(this.#base, target)) && statSync(join(this.#base, target)).isFile());
  }
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
