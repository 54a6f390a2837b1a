/** The manifest of a checkpoint: what its files must be, so that any other byte in them is noticed. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { fail } from "../tensor/error.ts";
import { canonicalJson } from "./canonical-json.ts";
import { parseStoredText } from "./parse-stored.ts";

export const checkpointFiles = ["weights.safetensors", "optimizer.safetensors", "state.json"] as const;
export type CheckpointFile = (typeof checkpointFiles)[number];

const fileEntry = z.strictObject({ bytes: z.int().nonnegative(), sha256: z.string().regex(/^[0-9a-f]{64}$/) });
const manifest = z.strictObject({
  format: z.literal(1),
  step: z.int().nonnegative(),
  files: z.strictObject({
    "weights.safetensors": fileEntry,
    "optimizer.safetensors": fileEntry,
    "state.json": fileEntry,
  }),
});
export type Manifest = z.infer<typeof manifest>;

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Text of `manifest.json`. */
export function encodeManifest(step: number, files: Record<CheckpointFile, Uint8Array>): string {
  const entries = checkpointFiles.map((name) => [name, { bytes: files[name].length, sha256: sha256(files[name]) }]);
  return canonicalJson({ format: 1, step, files: Object.fromEntries(entries) }, "manifest");
}

/** Reads `manifest.json`. Throws `E_CHECKPOINT_CORRUPT` where it is not, to the byte, what was written for this step. */
export function parseManifest(text: string, step: number, where: string): Manifest {
  const parsed = parseStoredText(manifest, text, { where, code: "E_CHECKPOINT_CORRUPT" });
  if (canonicalJson(parsed, where) !== text) corrupt(where, "the manifest as it was written", "other bytes");
  if (parsed.step !== step) corrupt(where, `the manifest of step ${step}`, `that of step ${parsed.step}`);
  return parsed;
}

/** Throws `E_CHECKPOINT_CORRUPT` unless the bytes have the hash that the manifest gives. */
export function assertHash(bytes: Uint8Array, entry: { sha256: string }, where: string): void {
  const got = sha256(bytes);
  if (got !== entry.sha256) corrupt(where, `SHA-256 ${entry.sha256}`, got);
}

export const corrupt = (where: string, expected: string, got: string): never =>
  fail({
    code: "E_CHECKPOINT_CORRUPT",
    where,
    expected,
    got,
    hint: "Load an earlier step, or train again from there.",
  });
