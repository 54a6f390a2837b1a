/**
 * Examples as batches and as windows for evaluation. Example g is a function of (seed, part, g): its length is drawn, then the
 * example, which is padded to T places of weight 0.
 */
import { z } from "zod";
import { parseStored } from "../checkpoints/index.ts";
import type { Batches } from "../data/index.ts";
import { createRng, type Rng } from "../ops/index.ts";
import { fail } from "../tensor/index.ts";
import { type Part, sampleOf } from "./part.ts";
import type { ConfiguredTask } from "./registry.ts";
import { type Lengths, lengthsWithin } from "./sizes.ts";
import type { Example } from "./task.ts";

export interface StreamOptions {
  seed: number;
  /** T, places of a window. */
  length: number;
  /** Lengths of the examples, as the task counts them; default: from half of the longest that fits to it. */
  lengths?: Partial<Lengths>;
}

/** Examples side by side, padded to T places. */
export interface TaskWindows {
  count: number;
  length: number;
  /** [count·T] ids, or [count·T·F] features. */
  inputs: Int32Array | Float32Array;
  /** [count·T] */
  targets: Int32Array;
  /** [count·T]: 1 where the answer is scored. */
  mask: Uint8Array;
}

type ExampleAt = (index: number) => Example;

/** The examples of a part: of one seed always the same. Throws E_TASK_LENGTH. */
export function examplesOf(
  configured: ConfiguredTask,
  part: Part,
  { seed, length: T, lengths }: StreamOptions,
): ExampleAt {
  const { least, most } = lengthsWithin(configured, T, lengths);
  const root: Rng = createRng(seed).fork("task").fork(configured.task.kind).fork(part);
  return (index) => {
    const rng = root.fork(index);
    return sampleOf(configured, rng, { part, length: least + rng.below(most - least + 1) });
  };
}

function pad({ task }: ConfiguredTask, examples: readonly Example[], T: number): TaskWindows {
  const F = task.features ?? 1;
  const count = examples.length;
  const inputs = task.features === undefined ? new Int32Array(count * T) : new Float32Array(count * T * F);
  const [targets, mask] = [new Int32Array(count * T), new Uint8Array(count * T)];
  for (const [row, example] of examples.entries()) {
    inputs.set(example.inputs, row * T * F);
    targets.set(example.targets, row * T);
    mask.set(example.mask, row * T);
  }
  return { count, length: T, inputs, targets, mask };
}

/** Training batches without end: `inputs` and `targets` [B, T], and `weights`, 1 where the answer is scored. */
export function taskBatches(configured: ConfiguredTask, options: StreamOptions & { batch: number }): Batches {
  const { seed, batch: B, length: T, lengths } = options;
  const at = examplesOf(configured, "train", options);
  const settings = {
    task: configured.task.kind,
    config: JSON.stringify(configured.c),
    lengths: JSON.stringify(lengthsWithin(configured, T, lengths)),
    ...{ seed, batch: B, length: T },
  };
  return {
    shapes: [{ batch: B, length: T, weights: true }],
    batch(step) {
      const rows = Array.from({ length: B }, (_, row) => at(step * B + row));
      const { inputs, targets, mask } = pad(configured, rows, T);
      return { arrays: { inputs, targets, weights: Float32Array.from(mask) }, shape: 0, epoch: 0 };
    },
    position: (step) => ({ step, ...settings }),
    resume: (stored) => resumedStep(stored, settings),
  };
}

const position = z.looseObject({ step: z.int().nonnegative() });

function resumedStep(stored: unknown, settings: Readonly<Record<string, number | string>>): number {
  const source = { where: "data position", code: "E_BATCH_POSITION" } as const;
  const found = parseStored(position, stored, source);
  const changed = Object.keys(settings).find((key) => found[key] !== settings[key]);
  if (changed === undefined) return found.step;
  return fail({
    ...source,
    where: `data position.${changed}`,
    expected: String(settings[changed]),
    got: String(found[changed]),
    hint: "Resume with the data and settings that the checkpoint was made with.",
  });
}

/** The first `count` test examples; none of them comes in training. */
export function taskWindows(configured: ConfiguredTask, options: StreamOptions & { count: number }): TaskWindows {
  const at = examplesOf(configured, "test", options);
  const rows = Array.from({ length: options.count }, (_, row) => at(row));
  return pad(configured, rows, options.length);
}
