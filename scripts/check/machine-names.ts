import { homedir } from "node:os";
import { dirname } from "node:path";
import { command } from "../source/command.ts";
import { projectFiles, readText, root } from "../source/files.ts";
import type { Step } from "./step.ts";

const publicRegistry = "registry.npmjs.org";
const binary = /\.(png|jpg|gif|webp|ico|woff2?|onnx|safetensors|wasm)$/;
const home = /(?<![\w.~$-])\/(?:home|Users)\/\w+/;
const privateHost =
  /https?:\/\/(?:10\.\d|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|[\w.-]+\.(?:internal|local|lan|corp)\b)/;

/** Patterns that are wrong on every machine. */
export const standing: readonly RegExp[] = [home, privateHost];

/** Names that only this machine knows: where the checkout and the home folder lie, and where npm fetches from. */
export const machineNames: Step = {
  name: "machine-names",
  async find() {
    const patterns = [...standing, ...localPaths(), ...(await registryHosts())];
    const paths = projectFiles().filter((path) => !binary.test(path));
    return { problems: paths.flatMap((path) => mentions(path, readText(root, path), patterns)) };
  },
};

export function mentions(path: string, text: string, patterns: readonly RegExp[]): string[] {
  return text.split("\n").flatMap((line, index) => {
    const found = patterns.map((pattern) => pattern.exec(line)?.[0]).find((match) => match !== undefined);
    return found === undefined ? [] : [`${path}:${index + 1}: names "${found}", which exists on one machine only`];
  });
}

/** The checkout, the folder around it and the home folder, where they tell something: `/` and `/root` do not. */
export function localPaths(): RegExp[] {
  const folders = [root, dirname(root), homedir()].filter((folder) => folder !== dirname(folder) && folder !== "/root");
  return folders.map((folder) => new RegExp(`(?<![\\w./-])${literal(folder)}(?![\\w-])`));
}

async function registryHosts(): Promise<RegExp[]> {
  const { stdout } = await command("npm", ["config", "get", "registry"]);
  const host = URL.parse(stdout.trim())?.host;
  return host === undefined || host === publicRegistry ? [] : [new RegExp(literal(host))];
}

/** A pattern's text that matches exactly this text. */
const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
