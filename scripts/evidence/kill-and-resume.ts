import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, outputLines } from "../source/command.ts";
import { findFiles, root } from "../source/files.ts";

/** A training that is killed again and again, each time from its beginning. */
export interface KillOptions {
  kills: number;
  /** Of the moments. */
  seed: number;
  /** Optimizer steps of the training. */
  steps: number;
  /** An empty folder to work in. */
  folder: string;
  report?: (line: string) => void;
}

export interface Kill {
  /** Milliseconds between the first step and the kill. */
  afterMs: number;
  /** Steps that the metrics held when the process was dead. */
  steps: number;
  /** Files of checkpoints and losses that differ from those of the run that was never killed. */
  differing: string[];
}

const spec = { name: "tiny", width: 16, layers: [{ mixer: { kind: "lstm" } }], dropout: 0.1 };
const words = "the whale and the sea, a ship; men of iron. Call me again: who rows, who sleeps?\n".split(" ");

/** Kills `seqlab train` with SIGKILL at random moments of training, resumes it, and compares all final bytes. */
export async function killAndResume({ kills, seed, steps, folder, report = () => {} }: KillOptions): Promise<Kill[]> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "tiny.json"), JSON.stringify(spec));
  writeFileSync(
    join(folder, "text.txt"),
    Array.from({ length: 4000 }, (_, i) => words[(i * i + 3 * i) % words.length]).join(" "),
  );
  const { tokens, tokensPerS } = JSON.parse(
    await finish(folder, [...trainArguments("whole", steps), "--json"]),
  ) as Summary;
  const trainingMs = (1000 * tokens) / tokensPerS;
  const expected = stateOf(folder, "whole");
  const results: Kill[] = [];
  const draw = uniforms(seed);
  while (results.length < kills) {
    const name = `killed-${results.length}`;
    const kill = await killOnce(folder, { name, steps, afterMs: draw() * trainingMs });
    if (kill === undefined) continue;
    await finish(folder, ["train", "--resume", name]);
    const differing = differences(expected, stateOf(folder, name));
    results.push({ ...kill, differing });
    report(
      `killed ${Math.round(kill.afterMs)} ms into training at step ${kill.steps} of ${steps}: ${differing.length === 0 ? "same bytes" : differing.join(", ")}`,
    );
  }
  return results;
}

/** What is used of the training's summary. */
interface Summary {
  tokens: number;
  tokensPerS: number;
}

const main = join(root, "src/cli/main.ts");

function trainArguments(name: string, steps: number): string[] {
  const settings = {
    data: "text.txt",
    tokenizer: "byte",
    name,
    steps,
    batch: 2,
    length: 16,
    threads: 1,
    "checkpoint-every": 20,
    "evaluate-every": 50,
  };
  return [
    "train",
    "tiny.json",
    ...Object.entries(settings).flatMap(([option, value]) => [`--${option}`, String(value)]),
  ];
}

async function finish(cwd: string, args: readonly string[]): Promise<string> {
  const result = await command(process.execPath, [main, ...args], { cwd });
  if (result.status !== 0)
    throw new Error(`seqlab ${args.join(" ")} ended with ${result.status}\n${outputLines(result).join("\n")}`);
  return result.stdout;
}

/** Undefined where the training ended before it could be killed; its folder is then left behind under another name. */
async function killOnce(
  cwd: string,
  { name, steps, afterMs }: { name: string; steps: number; afterMs: number },
): Promise<Omit<Kill, "differing"> | undefined> {
  const tried = `${name}-${Math.round(afterMs * 1000)}`;
  const child = spawn(process.execPath, [main, ...trainArguments(tried, steps)], {
    cwd,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise<NodeJS.Signals | null>((done) => child.once("exit", (_, signal) => done(signal)));
  await trainingBegins(child);
  await new Promise((wake) => setTimeout(wake, afterMs));
  child.kill("SIGKILL");
  if ((await ended) !== "SIGKILL") return undefined;
  renameSync(join(cwd, "runs", tried), join(cwd, "runs", name));
  return { afterMs, steps: lossesOf(cwd, name).length };
}

/** The first line on standard error says that the run's folder is there and training begins. */
function trainingBegins(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    child.stderr?.once("data", () => done());
    child.once("exit", () => done());
  });
}

/** Hash of every file of the checkpoints, and of all losses in their order. */
function stateOf(cwd: string, name: string): Map<string, string> {
  const run = join(cwd, "runs", name);
  const hash = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");
  const files = findFiles(run, ["checkpoints/*/*"]).map((file) => [file, hash(readFileSync(join(run, file)))] as const);
  return new Map([...files, ["losses", hash(lossesOf(cwd, name).join())]]);
}

/** Losses of the whole lines of the metrics. */
function lossesOf(cwd: string, name: string): number[] {
  const lines = readFileSync(join(cwd, "runs", name, "metrics.jsonl"), "utf8")
    .split("\n")
    .slice(0, -1);
  return lines.flatMap((line) => (JSON.parse(line) as { loss?: number }).loss ?? []);
}

function differences(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].filter((key) => a.get(key) !== b.get(key));
}

/** Numbers in [0, 1) by splitmix32. */
function uniforms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}
