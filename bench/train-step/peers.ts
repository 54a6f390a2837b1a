import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Contender } from "./contender.ts";
import { type ModelSettings, modelsFile } from "./models.ts";

/** A peer that is not on this machine, and how to provide it. */
export interface Missing {
  id: string;
  hint: string;
}

const script = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Our side of every comparison. */
export const seqlab: Contender = {
  id: "seqlab",
  mode: "native",
  trains: () => true,
  command: process.execPath,
  args: [script("./seqlab-peer.ts")],
};

/** Every peer, divided into those that this machine has and those that it lacks. */
export function findPeers(): { found: Contender[]; missing: Missing[] } {
  const all = [...torchPeers(), ...scriptPeers("jax-js", jax), ...scriptPeers("tfjs", tfjs)];
  return {
    found: all.filter((peer) => "command" in peer),
    missing: all.filter((peer) => "hint" in peer),
  };
}

function torchPeers(): (Contender | Missing)[] {
  const python = process.env.SEQLAB_BENCH_PYTHON;
  const packages = python === undefined ? [] : pythonPackages(python);
  const hint =
    "set SEQLAB_BENCH_PYTHON to a Python that has torch (and transformers for mamba, mamba2 and gated-deltanet)";
  if (python === undefined || !packages.includes("torch")) return [{ id: "torch", hint }];
  const plain = (model: ModelSettings) => model.family === "gpt" || model.family === "lstm";
  const trains = (model: ModelSettings) => plain(model) || packages.includes("transformers");
  const args = [script("../peers/torch-peer.py"), "--settings", modelsFile];
  return ["eager", "compile"].map((mode) => ({ id: `torch-${mode}`, mode, trains, command: python, args }));
}

/** Which of the needed packages a Python has; looked up without importing them, which takes seconds. */
function pythonPackages(python: string): string[] {
  const code = "import importlib.util as u; print(*[m for m in ('torch', 'transformers') if u.find_spec(m)])";
  return (spawnSync(python, ["-c", code], { encoding: "utf8" }).stdout ?? "").trim().split(" ");
}

/** A peer that runs in Node from packages installed in a folder outside the project. */
interface ScriptPeer {
  packages: readonly string[];
  modes: readonly string[];
  file: string;
}

const jax: ScriptPeer = {
  packages: ["@jax-js/jax"],
  modes: ["wasm", "wasm-threads"],
  file: script("../peers/jax-peer.ts"),
};

const tfjs: ScriptPeer = {
  packages: ["@tensorflow/tfjs", "@tensorflow/tfjs-backend-wasm"],
  modes: ["wasm"],
  file: script("../peers/tfjs-peer.ts"),
};

function scriptPeers(name: string, { packages, modes, file }: ScriptPeer): (Contender | Missing)[] {
  const folder = process.env.SEQLAB_BENCH_JS;
  const installed = (entry: string) => existsSync(join(folder ?? "", "node_modules", entry, "package.json"));
  const hint = `set SEQLAB_BENCH_JS to a folder where \`npm install ${packages.join(" ")}\` was run`;
  if (folder === undefined || !packages.every(installed)) return [{ id: name, hint }];
  const trains = (model: ModelSettings) => model.family === "gpt" || model.family === "lstm";
  return modes.map((mode) => ({ id: `${name}-${mode}`, mode, trains, command: process.execPath, args: [file] }));
}
