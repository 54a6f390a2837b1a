import { posix } from "node:path";
import { findFiles, readText, root } from "../source/files.ts";
import { parseSource, type Reference, references } from "../source/parse.ts";
import type { Step } from "./step.ts";

/** The folders of `src/`, lowest first: each imports only from those before it. */
const folderOrder: readonly string[] = [
  "tensor",
  "grad",
  "engine",
  "ops",
  "blocks",
  "model",
  "spec",
  "checkpoints",
  "data",
  "train",
  "generate",
  "tasks",
  "analysis",
  "report",
  "server",
  "testing",
  "cli",
];

/** Files that only tests read: they may import anything, and are not published. */
const servesTests = /\.(test|goldens|fixture)\.ts$|-naive\.ts$|\/fixture\.ts$/;

interface Manifest {
  dependencies?: Record<string, string>;
}

/** Files beside a folder's `index.ts` that all may import: the one error class, and the golden runner, which must load without a test runner. */
const openFiles = new Set(["src/tensor/error.ts", "src/testing/goldens/index.ts"]);

const sources = ["src", "web", "scripts", "bench", "examples", "evidence"].map(
  (folder) => `${folder}/**/*.{ts,tsx,js,mjs}`,
);

export const layering: Step = { name: "layering", find: () => ({ problems: layeringProblems(root) }) };

/** One sentence for each import under `base` that breaks the order of folders or passes by an `index.ts`. */
export function layeringProblems(base: string): string[] {
  const { dependencies = {} } = JSON.parse(readText(base, "package.json")) as Manifest;
  const packages = new Set(Object.keys(dependencies));
  return findFiles(base, sources)
    .filter((path) => !servesTests.test(path))
    .flatMap((path) => fileProblems(path, readText(base, path), packages));
}

function fileProblems(path: string, text: string, packages: ReadonlySet<string>): string[] {
  const source = parseSource(path, text);
  const syntax = source.errors.map((message) => `${path}: ${message}`);
  const imports = references(source).flatMap((reference) => {
    const reason = refusal(path, reference, packages);
    return reason === undefined ? [] : [`${path}:${reference.line}: imports "${reference.specifier}": ${reason}`];
  });
  return [...syntax, ...imports];
}

/** Why `path` may not refer to this, or undefined where it may. */
function refusal(path: string, { specifier, form }: Reference, packages: ReadonlySet<string>): string | undefined {
  if (!specifier.startsWith("."))
    return path.startsWith("src/") ? packageRefusal(path, specifier, packages) : undefined;
  const target = posix.join(posix.dirname(path), specifier);
  const [area = ""] = path.split("/");
  if (target.split("/")[0] !== area && area === "web")
    return 'web/ uses the public entry points ("seqlab", "seqlab/…")';
  if (area === "src") return form === "url" ? undefined : sourceRefusal(path, target);
  return target.startsWith("src/") ? doorRefusal(target) : undefined;
}

/** `src/` is published: it may rest on Node and on what is installed with it (`src/testing` is not published). */
function packageRefusal(path: string, specifier: string, packages: ReadonlySet<string>): string | undefined {
  const [scope = "", name = ""] = specifier.split("/");
  if (scope === "seqlab") return "src/ refers to itself by relative paths";
  const known = scope.startsWith("node:") || packages.has(scope.startsWith("@") ? `${scope}/${name}` : scope);
  return known || path.startsWith("src/testing/") ? undefined : "it is not under dependencies in package.json";
}

function sourceRefusal(path: string, target: string): string | undefined {
  if (!target.startsWith("src/")) return "it lies outside src/";
  const [from, to] = [folderOf(path), folderOf(target)];
  if (from === to) return undefined;
  if (from === undefined) return doorRefusal(target);
  const [own, other] = [rank(from), rank(to)];
  if (own < 0) return `src/${from} is not in the order of folders`;
  if (other < 0) return `src/${to ?? "index.ts"} is not below src/${from} in the order of folders`;
  if (other > own) return `src/${to} comes after src/${from} (${folderOrder.join(", ")})`;
  return doorRefusal(target);
}

function doorRefusal(target: string): string | undefined {
  const to = folderOf(target);
  const door = to === undefined ? "src/index.ts" : `src/${to}/index.ts`;
  return target === door || openFiles.has(target) ? undefined : `use ${door}`;
}

/** Folder of `src/` that holds a file; undefined for files of `src/` itself. */
function folderOf(path: string): string | undefined {
  const parts = path.split("/");
  return parts.length > 2 ? parts[1] : undefined;
}

const rank = (folder: string | undefined): number => folderOrder.indexOf(folder ?? "");
