import { spawn } from "node:child_process";
import { fail } from "../../src/tensor/index.ts";
import { type Measurement, measurement } from "./measurement.ts";
import type { ModelSettings } from "./models.ts";

/** A program that trains the benched models in one mode. Every run is a process of its own. */
export interface Contender {
  id: string;
  mode: string;
  trains(model: ModelSettings): boolean;
  command: string;
  args: readonly string[];
}

/** How much one run measures: `steps` steps, fewer when they take longer than `seconds`. */
export interface RunLength {
  steps: number;
  seconds: number;
  threads: number;
}

/** Runs one measured batch of steps. */
export async function runContender(who: Contender, model: ModelSettings, length: RunLength): Promise<Measurement> {
  const limits = Object.entries(length).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const { code, stdout, stderr } = await output(who, ["--model", model.name, "--mode", who.mode, ...limits], length);
  if (code === 0) return parseMeasurement(stdout, who);
  fail({
    code: "E_BENCH_PEER",
    where: `${who.id} on ${model.name}`,
    expected: "a measurement",
    got: `exit status ${code}:\n${stderr.trim().split("\n").slice(-24).join("\n")}\n`,
  });
}

/** Libraries print notices of their own; the measurement is the last line. */
function parseMeasurement(stdout: string, { id }: Contender): Measurement {
  const line = stdout.trim().split("\n").at(-1) ?? "";
  try {
    return measurement.parse(JSON.parse(line));
  } catch (cause) {
    fail({
      code: "E_BENCH_LINE",
      where: id,
      expected: "a measurement in one JSON line",
      got: line.slice(0, 200),
      cause,
    });
  }
}

function output({ command, args }: Contender, more: string[], { threads }: RunLength) {
  const env = {
    ...process.env,
    OMP_NUM_THREADS: String(threads),
    MKL_NUM_THREADS: String(threads),
    HF_HUB_OFFLINE: "1",
  };
  const child = spawn(command, [...args, ...more], { env, stdio: ["ignore", "pipe", "pipe"] });
  const text = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (chunk: string) => {
      text[stream] += chunk;
    });
  }
  return new Promise<{ code: number | string; stdout: string; stderr: string }>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code: code ?? String(signal), ...text }));
  });
}
