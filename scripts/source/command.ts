import { type SpawnOptions, spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "./files.ts";

export interface CommandResult {
  /** Exit status; null after a signal (the time limit sends one). */
  status: number | null;
  stdout: string;
  stderr: string;
  timedOut: boolean;
}

export interface CommandOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Milliseconds after which the command and all that it started are ended. */
  limitMs?: number;
}

/** Runs a program to its end and returns what it printed; a program that cannot start rejects. */
export function command(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { cwd = root, env = process.env, limitMs = 120_000 } = options;
  const spawned: SpawnOptions = { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: process.platform !== "win32" };
  return new Promise((done, refuse) => {
    const child = spawn(program, args, spawned);
    const output = { stdout: "", stderr: "", timedOut: false };
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
    const timer = setTimeout(() => {
      output.timedOut = true;
      endGroup(child.pid);
    }, limitMs);
    child.on("error", refuse);
    child.on("close", (status) => {
      clearTimeout(timer);
      done({ ...output, status });
    });
  });
}

/** Runs the program that an installed package declares under `bin`, on this Node. */
export function tool(script: string, args: readonly string[], options?: CommandOptions): Promise<CommandResult> {
  return command(process.execPath, [join(root, "node_modules", script), ...args], options);
}

/** Lines of both streams, for a message. */
export function outputLines({ stdout, stderr }: CommandResult): string[] {
  return `${stdout}\n${stderr}`.split("\n").filter((line) => line.trim() !== "");
}

/** Ends a child together with its own children: it leads a process group (on Windows only itself is reached). */
function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  process.kill(process.platform === "win32" ? pid : -pid, "SIGKILL");
}
