import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type CommandResult, command } from "../source/command.ts";
import { projectFiles, readText, root } from "../source/files.ts";

/**
 * A temporary folder that looks like a fresh checkout with its packages installed: what commands write stays in it. The
 * name `seqlab` means the sources there, as library (`import … from "seqlab"`) and as command.
 */
export class Workplace {
  readonly folder = mkdtempSync(join(tmpdir(), "seqlab-docs-"));

  constructor() {
    for (const path of projectFiles()) cpSync(join(root, path), join(this.folder, path));
    writeFileSync(join(this.folder, "package.json"), sourceManifest());
    linkPackages(join(this.folder, "node_modules"));
  }

  /** Runs a block of shell commands, stopping at the first that fails. */
  shell(text: string, limitMs: number): Promise<CommandResult> {
    return this.#run("bash", ["-euo", "pipefail", "-c", text], limitMs);
  }

  /** Runs a TypeScript text as a module of the folder. */
  module(text: string, limitMs: number): Promise<CommandResult> {
    const file = join(this.folder, "block.ts");
    writeFileSync(file, text);
    return this.#run(process.execPath, [file], limitMs);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  /** Programs see a plain terminal user's environment, not that of the test run. */
  #run(program: string, args: readonly string[], limitMs: number): Promise<CommandResult> {
    const { VITEST, NODE_ENV, SEQLAB_ROWS, ...rest } = process.env;
    const path = [join(this.folder, "node_modules/.bin"), rest.PATH].join(delimiter);
    return command(program, args, { cwd: this.folder, env: { ...rest, PATH: path }, limitMs });
  }
}

/** `package.json` with what would be built mapped back to its sources. */
function sourceManifest(): string {
  return readText(root, "package.json").replaceAll(/"\.?\/?dist\/([^"]+)\.js"/g, '"./src/$1.ts"');
}

/** Links every installed package and program, and adds the command `seqlab`. */
function linkPackages(folder: string): void {
  const installed = join(root, "node_modules");
  mkdirSync(join(folder, ".bin"), { recursive: true });
  for (const name of readdirSync(installed).filter((entry) => !entry.startsWith("."))) {
    symlinkSync(join(installed, name), join(folder, name));
  }
  for (const name of readdirSync(join(installed, ".bin"))) {
    symlinkSync(join(installed, ".bin", name), join(folder, ".bin", name));
  }
  const run = `exec "${process.execPath}" "${join(folder, "../src/cli/main.ts")}" "$@"`;
  writeFileSync(join(folder, ".bin/seqlab"), `#!/bin/sh\n${run}\n`, { mode: 0o755 });
}
