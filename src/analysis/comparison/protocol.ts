import { readFileSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem, type } from "node:os";
import { trainingSchema } from "../../train/index.ts";
import type { ComparisonOptions } from "./compare.ts";
import type { PreparedData } from "./prepare.ts";
import type { ComparisonResult, Figure, Protocol } from "./results.ts";

/** Mean and spread (max − min) of repeated measurements. */
export function figure(values: readonly number[]): Figure {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, spread: Math.max(...values) - Math.min(...values), n: values.length };
}

/** The machine in words that let others judge the figures. */
export function describeMachine(threads: number): Protocol["machine"] {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    threads,
    memoryBytes: totalmem(),
    os: `${type()} ${release()}`,
  };
}

/** Versions of what computes: seqlab, Node, ONNX Runtime. */
export function versions(): Record<string, string> {
  return {
    seqlab: packageField("../../../package.json"),
    node: process.versions.node,
    "onnxruntime-node": dependencyVersion("onnxruntime-node"),
  };
}

function packageField(relative: string): string {
  return String((JSON.parse(readFileSync(new URL(relative, import.meta.url), "utf8")) as { version: unknown }).version);
}

/** The exact version that package.json pins. */
function dependencyVersion(name: string): string {
  const { dependencies } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as {
    dependencies: Record<string, string>;
  };
  return dependencies[name] ?? "unknown";
}

interface Finished {
  data: PreparedData;
  results: readonly ComparisonResult[];
  baselineBytes: number;
  seconds: number;
}

/** Everything that is needed to run the same comparison again. */
export function protocolOf(options: ComparisonOptions, { data, results, baselineBytes, seconds }: Finished): Protocol {
  const config = trainingSchema.parse({ ...options.training, steps: 1 });
  const { batch, length, optimizer, schedule } = config;
  const { accumulate, precision, lossScale, rematerialise, nonFinite } = config;
  const tokens = new Set(results.map((result) => result.tokens));
  const all = versions();
  return {
    command: options.command,
    seqlab: all["seqlab"]!,
    date: new Date().toISOString(),
    ...data.protocol,
    size: options.size ? `${options.size.measure}=${options.size.value}` : "as-is",
    budget: `${options.budget.measure}=${options.budget.value}`,
    tokens: tokens.size === 1 ? [...tokens][0]! : null,
    seeds: [...options.seeds],
    context: length,
    batch,
    optimizer: { ...optimizer, schedule },
    step: { accumulate, precision, lossScale, rematerialise, nonFinite },
    versions: all,
    machine: describeMachine(options.threads),
    baselineBytes,
    seconds,
  };
}
