/** The program as its users start it, in an empty folder with a small text and a small spec. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const main = fileURLToPath(new URL("./main.ts", import.meta.url));

export interface Outcome {
  /** Exit status; null after a signal that was not handled. */
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface Workplace {
  folder: string;
  run(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Outcome>;
  /** Starts it and leaves it to the test; `outcome` is there when it has ended. */
  start(args: readonly string[]): { child: ChildProcess; outcome: Promise<Outcome> };
  remove(): void;
}

const words = "the whale and the sea, a ship; men of iron. Call me again: who rows, who sleeps?".split(" ");

/** Small enough that a step takes about a millisecond; dropout, so that random draws count. */
export const tinySpec = { name: "tiny", width: 16, layers: [{ mixer: { kind: "lstm" } }], dropout: 0.1 };

export function createWorkplace(): Workplace {
  const folder = mkdtempSync(join(tmpdir(), "seqlab-cli-"));
  writeFileSync(
    join(folder, "text.txt"),
    Array.from({ length: 4000 }, (_, i) => words[(i * i + 3 * i) % words.length]).join(" "),
  );
  writeFileSync(join(folder, "tiny.json"), JSON.stringify(tinySpec));
  const start = (args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
    const child = spawn(process.execPath, [main, ...args], { cwd: folder, env: { ...process.env, ...env } });
    return { child, outcome: outcomeOf(child) };
  };
  return {
    folder,
    start,
    run: (args, env) => start(args, env).outcome,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const texts = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (texts.stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (texts.stderr += text));
  return new Promise((done, refuse) => {
    child.on("error", refuse);
    child.on("close", (status) => done({ status, ...texts }));
  });
}

/** Options of a training that takes about a second. */
export function tinyTraining(name: string, more: Readonly<Record<string, string | number>> = {}): string[] {
  const settings = {
    data: "text.txt",
    tokenizer: "byte",
    name,
    steps: 60,
    batch: 2,
    length: 16,
    threads: 1,
    "checkpoint-every": 20,
    "evaluate-every": 30,
    ...more,
  };
  return [
    "train",
    "tiny.json",
    ...Object.entries(settings).flatMap(([option, value]) => [`--${option}`, String(value)]),
  ];
}

/** When a stream has said this. */
export function said(stream: NodeJS.ReadableStream | null, pattern: RegExp): Promise<void> {
  let text = "";
  return new Promise((done) => {
    stream?.on("data", (part: string) => {
      text += part;
      if (pattern.test(text)) done();
    });
  });
}
