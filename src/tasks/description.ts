/** A dataset as data: what a run stores of it, and what another process opens again. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { canonicalJson } from "../checkpoints/index.ts";
import { tokenizerFromJSON } from "../data/index.ts";
import type { ModelSpec } from "../model/index.ts";
import { fail } from "../tensor/index.ts";
import type { CodecJSON } from "./codec.ts";
import type { Dataset } from "./dataset.ts";
import { openG2p } from "./g2p/g2p.ts";
import { syntheticDataset } from "./synthetic.ts";
import { openTranslation } from "./translation/translation.ts";

const pairFiles = z.strictObject({
  source: z.string(),
  target: z.string().exactOptional(),
  format: z.enum(["tsv", "jsonl"]).exactOptional(),
  fields: z.tuple([z.string(), z.string()]).exactOptional(),
});

const tokenizer = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("byte") }),
  z.strictObject({ kind: z.literal("char") }),
  z.strictObject({ kind: z.literal("bpe"), entries: z.int() }),
  z.strictObject({ kind: z.literal("file"), path: z.string() }),
]);

const lengths = z.strictObject({ least: z.int(), most: z.int() });

export const datasetDescription = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("translate"),
    train: pairFiles,
    validation: pairFiles.exactOptional(),
    tokenizer,
    longest: z.int().positive(),
  }),
  z.strictObject({ kind: z.literal("g2p"), stress: z.boolean() }),
  z.strictObject({
    kind: z.literal("synthetic"),
    task: z.string(),
    settings: z.record(z.string(), z.json()),
    /** T, places of a window in training. */
    length: z.int().positive(),
    lengths: lengths.exactOptional(),
    testLengths: lengths.exactOptional(),
  }),
]);
export type DatasetDescription = z.output<typeof datasetDescription>;

/**
 * Opens what is described. A codec that was made before is used again, not fitted anew. Throws what the tasks throw for files,
 * settings and lengths.
 */
export async function openDataset(description: DatasetDescription, codec?: CodecJSON): Promise<Dataset> {
  if (description.kind === "g2p") return openG2p(description);
  if (description.kind === "synthetic") {
    const { task, kind: _, ...options } = description;
    return syntheticDataset({ kind: task, ...options });
  }
  const { kind: _, ...options } = description;
  return openTranslation({
    ...options,
    ...(codec?.kind === "tokenizer" && { tokenizer: tokenizerFromJSON(codec.tokenizer) }),
  });
}

/** What tells one dataset from another, hexadecimal SHA-256. */
export const datasetHash = ({ facts }: Pick<Dataset, "facts">): string =>
  createHash("sha256")
    .update(canonicalJson({ ...facts }, "facts"))
    .digest("hex");

/** Facts that are names of files: these may change, their content may not. */
const names = new Set(["train", "validation"]);

/** Throws E_DATA_CHANGED, naming the first fact that differs, unless the dataset is the one that was described then. */
export function assertSameFacts({ name, facts }: Dataset, stored: Dataset["facts"]): void {
  const keys = [...new Set([...Object.keys(stored), ...Object.keys(facts)])].filter((key) => !names.has(key));
  const text = (value: unknown) => JSON.stringify(value) ?? "nothing";
  const changed = keys.find((key) => text(facts[key]) !== text(stored[key]));
  if (changed === undefined) return;
  fail({
    code: "E_DATA_CHANGED",
    where: `${name}: ${changed}`,
    expected: `${text(stored[changed])}, as when the run was started`,
    got: text(facts[changed]),
    hint: "Put the former data back, name them with the options of the data, or start a new run. All checkpoints are kept.",
  });
}

/** Throws E_TASK_OBJECTIVE where a spec's objective is none that the dataset serves. */
export function assertObjective({ kind, objectives }: Dataset, spec: ModelSpec): void {
  const { kind: own } = spec.objective;
  if (objectives.some((one) => one === own)) return;
  fail({
    code: "E_TASK_OBJECTIVE",
    where: `${spec.name}: objective`,
    expected: `${objectives.map((one) => `"${one}"`).join(" or ")}, for ${kind === "text" ? "text" : `--task ${kind}`}`,
    got: `"${own}"`,
    hint:
      own === "sequence-to-sequence"
        ? "An encoder–decoder learns from pairs: --task translate, g2p, parsing, or another task of questions and answers."
        : objectives.includes("sequence-to-sequence")
          ? 'Give the spec an encoder and "objective": {"kind": "sequence-to-sequence"}.'
          : "Choose another spec, or change its objective.",
  });
}
