/** Training and test examples that never coincide, whatever the task: an example's own content decides where it belongs. */
import type { Rng } from "../ops/index.ts";
import { fail } from "../tensor/index.ts";
import type { ConfiguredTask } from "./registry.ts";
import type { Example } from "./task.ts";

export type Part = "train" | "test";

/** Share of a task's examples that are only ever tested. */
export const testRatio = 0.1;

/** Where an example belongs: by a hash (FNV-1a, mixed) of what is read. */
export function partOf({ inputs }: Pick<Example, "inputs">): Part {
  let hash = 0x811c9dc5;
  const bytes = new Uint8Array(inputs.buffer, inputs.byteOffset, inputs.byteLength);
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32 < testRatio ? "test" : "train";
}

const attempts = 1000;

/** The first example of the stream that belongs to the part. Throws E_TASK_SPLIT where the task is too small to be divided. */
export function sampleOf(
  { task, c }: ConfiguredTask,
  rng: Rng,
  { part, length }: { part: Part; length: number },
): Example {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const example = task.sample(rng.fork(attempt), { length, c });
    if (partOf(example) === part) return example;
  }
  return fail({
    code: "E_TASK_SPLIT",
    where: `task.${task.kind}`,
    expected: `an example of length ${length} for ${part === "test" ? "testing" : "training"}`,
    got: `none among ${attempts} draws`,
    hint: "Examples so short are too few to be divided; make them longer.",
  });
}
