import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anchors, type Block, blocks, links } from "./docs/markdown.ts";
import { Workplace } from "./docs/workplace.ts";
import { type CommandResult, outputLines } from "./source/command.ts";
import { findFiles, projectFiles, readText, root } from "./source/files.ts";

const limitMs = 60_000;
/** Commands that a block marked `norun` may hold: `.ci/run` runs exactly these. */
const runByCi = new Set(["npm ci", "npm start", "npm test", "npm run check"]);
/** Names for the runnable languages that would let a block pass unrun. */
const otherNames = new Set(["bash", "shell", "console", "zsh", "typescript", "js", "javascript", "mjs"]);

const documents = ["README.md", ...findFiles(root, ["docs/**/*.md"])];
const files = new Set(projectFiles());

describe.each(documents)("%s", (document) => {
  const exists = existsSync(join(root, document));
  const found = exists ? blocks(readText(root, document)) : [];
  const runnable = found.filter(({ language, flags }) => ["sh", "ts"].includes(language) && !flags.includes("norun"));
  let place: Workplace;
  beforeAll(() => {
    if (runnable.length > 0) place = new Workplace();
  });
  afterAll(() => place?.remove());

  test("exists and marks its blocks as agreed", () => {
    expect(exists, `${document} is missing`).toBe(true);
    expect(found.flatMap(objections)).toEqual([]);
  });

  test.each(runnable.map((block) => ({ ...block, where: `${block.language} of line ${block.line}` })))(
    "$where runs",
    async ({ language, text }) =>
      expectSuccess(await (language === "sh" ? place.shell(text, limitMs) : place.module(text, limitMs))),
  );
});

describe("examples", () => {
  const examples = findFiles(root, ["examples/*"]).filter((path) => !path.endsWith(".md"));
  let place: Workplace;
  beforeAll(() => {
    place = new Workplace();
  });
  afterAll(() => place.remove());

  test("there are some, all of them runnable", () => {
    expect(examples).not.toEqual([]);
    expect(examples.filter((path) => !/\.(ts|sh)$/.test(path))).toEqual([]);
  });

  test.each(examples)("%s runs", async (path) => {
    expectSuccess(await place.shell(`${path.endsWith(".ts") ? "node" : "bash -euo pipefail"} ${path}`, limitMs));
  });
});

describe("links", () => {
  test.each([...files].filter((path) => path.endsWith(".md")))(
    "every relative link of %s leads somewhere",
    (document) => {
      const dead = links(readText(root, document)).filter(({ target }) => !leadsSomewhere(document, target));
      expect(dead.map(({ line, target }) => `${document}:${line}: ${target}`)).toEqual([]);
    },
  );
});

test("the README has at most 200 lines, CONTRIBUTING at most 60", () => {
  expect(readText(root, "README.md").split("\n").length).toBeLessThanOrEqual(201);
  expect(readText(root, "CONTRIBUTING.md").split("\n").length).toBeLessThanOrEqual(61);
});

function expectSuccess(result: CommandResult): void {
  const output = outputLines(result).slice(-40).join("\n");
  expect(result.timedOut, `did not end within ${limitMs / 1000} s\n${output}`).toBe(false);
  expect(result.status, output).toBe(0);
}

function objections({ language, flags, text, line }: Block): string[] {
  if (otherNames.has(language)) return [`line ${line}: write sh or ts, not ${language}`];
  const odd = flags.filter((flag) => flag !== "norun");
  if (odd.length > 0) return [`line ${line}: unknown mark ${odd.join(" ")}`];
  if (!flags.includes("norun")) return [];
  const commands = text.split(/\n|&&/).map((part) => part.replace(/#.*/, "").trim());
  const free = commands.filter((part) => part !== "" && !runByCi.has(part));
  return free.map((part) => `line ${line}: "${part}" must run; only ${[...runByCi].join(", ")} may be marked norun`);
}

/** Web addresses are not looked up; a fragment must be an anchor of the Markdown file it points into. */
function leadsSomewhere(document: string, target: string): boolean {
  if (/^[a-z][a-z+.-]*:/i.test(target)) return true;
  const [path = "", fragment] = decodeURIComponent(target).split("#");
  const file = path === "" ? document : posix.join(posix.dirname(document), path).replace(/\/$/, "");
  const isFolder = [...files].some((known) => known.startsWith(`${file}/`));
  if (!files.has(file) && !isFolder) return false;
  return fragment === undefined || (file.endsWith(".md") && anchors(readText(root, file)).has(fragment));
}
