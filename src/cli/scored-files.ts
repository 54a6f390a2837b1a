/** Files of one segment a line, for scoring. */
import { isUtf8 } from "node:buffer";
import { readFile } from "node:fs/promises";
import type { ScoredText } from "../tasks/index.ts";
import { fail } from "../tensor/index.ts";
import { failUsage } from "./frame/usage-error.ts";

/** Hypotheses from the first file, references from the others. Throws E_OPERAND, E_SCORE_FILE, E_SCORE_LINES. */
export async function readScoredText(operands: readonly string[]): Promise<ScoredText> {
  const [hypotheses, ...references] = await readColumns(operands);
  return {
    hypotheses: hypotheses!,
    references: hypotheses!.map((_, i) => present(references.map((lines) => lines[i]!))),
  };
}

/** The lines of every file, equally many. Throws as {@link readScoredText} does. */
export async function readColumns([hypothesisFile = "", ...referenceFiles]: readonly string[]): Promise<string[][]> {
  if (referenceFiles.length === 0)
    failUsage({
      code: "E_OPERAND",
      where: "seqlab score",
      expected: "REFERENCES (one file or several)",
      got: "nothing",
      hint: "seqlab score --help shows how.",
    });
  if ([hypothesisFile, ...referenceFiles].filter((path) => path === "-").length > 1)
    failUsage({ code: "E_OPERAND", where: "-", expected: "standard input once", got: "it twice" });
  const hypotheses = await readLines(hypothesisFile);
  const files = await Promise.all(referenceFiles.map(async (path) => ({ path, lines: await readLines(path) })));
  for (const { path, lines } of files)
    if (lines.length !== hypotheses.length)
      fail({
        code: "E_SCORE_LINES",
        where: path,
        expected: `${hypotheses.length} lines, as in ${hypothesisFile}`,
        got: `${lines.length}`,
        hint: "Every line of one file belongs to the same line of the others.",
      });
  return [hypotheses, ...files.map(({ lines }) => lines)];
}

/** Among several references, empty ones are missing; where all are, the reference is the empty text. */
function present(lines: readonly string[]): string[] {
  const written = lines.filter((line) => line !== "");
  return written.length > 0 ? written : [""];
}

async function readLines(path: string): Promise<string[]> {
  const bytes = path === "-" ? await readStandardInput() : await readFile(path).catch((cause) => failRead(path, cause));
  if (!isUtf8(bytes)) failFile(path, "text in UTF-8", "other bytes");
  const text = bytes.toString("utf8").replace(/^\ufeff/, "");
  if (text === "") failFile(path, "at least one line", "an empty file");
  return (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n").map((line) => line.replace(/\r$/, ""));
}

async function readStandardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function failRead(path: string, cause: NodeJS.ErrnoException): never {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: "no such file",
    EISDIR: "a folder",
    EACCES: "no permission",
  };
  return failFile(path, "a readable file", reasons[cause.code ?? ""] ?? cause.message);
}

function failFile(where: string, expected: string, got: string): never {
  return fail({ code: "E_SCORE_FILE", where, expected, got });
}
