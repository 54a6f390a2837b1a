import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { command, outputLines, tool } from "../source/command.ts";
import { readText, root } from "../source/files.ts";
import type { Finding, Step } from "./step.ts";

interface Manifest {
  files: string[];
  bin: Record<string, string>;
  exports: Record<string, string>;
}

const oldestNode = 20;

/** The package as npm would publish it: built, its exports and its command tried on the machine's own Node. */
export const packageExports: Step = {
  name: "package",
  async find() {
    const folder = mkdtempSync(join(tmpdir(), "seqlab-package-"));
    try {
      const build = await tool("typescript/bin/tsc", ["-p", "tsconfig.build.json", "--outDir", join(folder, "dist")]);
      if (build.status !== 0) return { problems: ["the build failed", ...outputLines(build)] };
      return await tryPackage(folder, JSON.parse(readText(root, "package.json")) as Manifest);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

async function tryPackage(folder: string, { files, exports, bin }: Manifest): Promise<Finding> {
  const missing = layOut(folder, files);
  const node = await plainNode();
  const problems = await Promise.all([
    lintPackage(folder),
    ...Object.values(exports).map((target) => loadExport(node.path, folder, target)),
    ...Object.entries(bin).map(([name, file]) => askHelp(node.path, folder, name, file)),
  ]);
  return { problems: [...missing, ...problems.flat()], note: `tried on Node ${node.version}` };
}

/** Puts the published files beside the fresh build, which is in place already. */
function layOut(folder: string, files: readonly string[]): string[] {
  const others = ["package.json", ...files.filter((file) => file !== "dist")];
  const missing = others.filter((file) => !existsSync(join(root, file)));
  for (const file of others.filter((name) => !missing.includes(name))) {
    cpSync(join(root, file), join(folder, file), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return missing.map((file) => `package.json lists "${file}" under files, which does not exist`);
}

async function lintPackage(folder: string): Promise<string[]> {
  const { messages, pkg } = await publint({ pkgDir: folder, pack: false, strict: true });
  return messages.map((message) => `publint: ${formatMessage(message, pkg) ?? message.code}`);
}

/** Loads one target of `exports`, as a program that uses the library would. */
async function loadExport(node: string, folder: string, target: string): Promise<string[]> {
  if (!target.endsWith(".js")) return [];
  const program = `import("${target}").catch((error) => { console.error(error.message); process.exit(1); })`;
  const result = await command(node, ["--input-type=module", "--eval", program], { cwd: folder });
  return result.status === 0 ? [] : [`${target} does not load: ${outputLines(result).join(" ")}`];
}

async function askHelp(node: string, folder: string, name: string, file: string): Promise<string[]> {
  const result = await command(node, [join(folder, file), "--help"], { cwd: folder });
  const helps = result.status === 0 && result.stdout.includes(name);
  return helps
    ? []
    : [`${file} --help: expected status 0 and a text, got status ${result.status}`, ...outputLines(result)];
}

/** The first `node` of the search path that is not npm's: scripts run on the pinned one, users on theirs. */
async function plainNode(): Promise<{ path: string; version: string }> {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
  const program = process.platform === "win32" ? "node.exe" : "node";
  const path = folders.map((folder) => join(folder, program)).find(existsSync) ?? process.execPath;
  const { stdout } = await command(path, ["--print", "process.versions.node"]);
  const version = stdout.trim();
  if (Number.parseInt(version, 10) >= oldestNode) return { path, version };
  throw new Error(`${path} is Node ${version}; seqlab needs ${oldestNode} or newer`);
}
