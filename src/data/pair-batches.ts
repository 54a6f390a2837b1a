/**
 * Batches of pairs by token count, as a pure function of (seed, step). Examples of like length form a bucket, whose batches
 * have one shape: B rows padded to S source and T target tokens, B·max(S, T) at most the budget. An epoch goes through every
 * example once: each bucket in an order drawn for the epoch, then the batches of all buckets mixed.
 */
import { z } from "zod";
import { createRng } from "../ops/index.ts";
import { fail } from "../tensor/error.ts";
import type { Batch, Batches, BatchShape } from "./batches.ts";
import { placePair } from "./pair-windows.ts";
import type { Pairs } from "./pairs.ts";
import { lastTwo, resumeStep } from "./position.ts";

export interface PairBatchOptions {
  pairs: Pairs;
  seed: number;
  /** Most source tokens, and most target tokens, of a batch, padding included. */
  tokens: number;
  /** Longest source and target (its end counted) that are kept; longer examples are left out. */
  longest: number;
  /** Ids in front of and behind every target. */
  start: number;
  end: number;
  /** Shapes that batches may have: each is a program of its own. Default 6. */
  buckets?: number;
  /** Rows of every batch are a multiple of this, some of them empty where examples are too few. Default 1. */
  multiple?: number;
}

export interface PairBatches extends Batches {
  /** Target tokens, the ends counted, of the first `step` batches. */
  tokensBefore(step: number): number;
  batchesPerEpoch: number;
  /** Examples that are too long. */
  left: number;
  /** Share of the positions of an epoch's batches that hold no token, 0 … 1. */
  padding: number;
}

const position = z.strictObject({
  step: z.int().nonnegative(),
  seed: z.int().nonnegative(),
  tokens: z.int().positive(),
  examples: z.int().nonnegative(),
});

/** Examples of like length. */
interface Bucket {
  shape: BatchShape & { sourceLength: number };
  examples: Int32Array;
}

/** Throws `E_BATCH_TOKENS` where the budget does not hold one example of the longest bucket, or `multiple` of them. */
export function createPairBatches(options: PairBatchOptions): PairBatches {
  const { pairs, seed, tokens } = options;
  const buckets = bucketsOf(options);
  const batchesPerEpoch = buckets.reduce((sum, bucket) => sum + batchCount(bucket), 0);
  const plan = lastTwo((epoch: number) => planEpoch(buckets, { seed, epoch }));
  const counted = lastTwo((epoch: number) => runningTokens(plan(epoch), pairs));
  const kept = buckets.reduce((sum, { examples }) => sum + examples.length, 0);
  const at = (step: number) => ({ step, seed, tokens, examples: pairs.count });
  return {
    shapes: buckets.map(({ shape }) => shape),
    batchesPerEpoch,
    left: pairs.count - kept,
    padding: paddingOf(buckets, pairs),
    tokensBefore(step) {
      const [epoch, batch] = [Math.floor(step / batchesPerEpoch), step % batchesPerEpoch];
      const sums = counted(epoch);
      return epoch * sums[batchesPerEpoch]! + sums[batch]!;
    },
    position: at,
    resume: (stored) => resumeStep(position, stored, at),
    batch(step) {
      const epoch = Math.floor(step / batchesPerEpoch);
      const { bucket, rows } = plan(epoch)[step % batchesPerEpoch]!;
      return { ...fill(rows, buckets[bucket]!.shape, options), shape: bucket, epoch };
    },
  };
}

const batchCount = ({ shape, examples }: Bucket): number => Math.ceil(examples.length / shape.batch);

/** Cuts the examples, sorted by length, into buckets of about as many tokens each. */
function bucketsOf({ pairs, tokens, longest, buckets = 6, multiple = 1 }: PairBatchOptions): Bucket[] {
  const size = (i: number) => Math.max(pairs.source.length(i), pairs.target.length(i) + 1);
  const order = Int32Array.from({ length: pairs.count }, (_, i) => i).filter((i) => size(i) <= longest);
  order.sort((a, b) => size(a) - size(b) || a - b);
  if (order.length === 0)
    fail({ code: "E_BATCH_SHORT", where: "pairs", expected: `examples of at most ${longest} tokens`, got: "none" });
  const total = order.reduce((sum, i) => sum + size(i), 0);
  const groups: number[][] = [];
  let sum = 0;
  for (const i of order) {
    const group = Math.min(buckets - 1, Math.floor((sum / total) * buckets));
    // Equal lengths stay together, so that two buckets never have one shape.
    const last = groups.at(-1);
    if (last === undefined || (group >= groups.length && size(last.at(-1)!) < size(i))) groups.push([i]);
    else last.push(i);
    sum += size(i);
  }
  return groups.map((examples) => bucketOf(Int32Array.from(examples), { pairs, tokens, multiple }));
}

type BatchSize = Required<Pick<PairBatchOptions, "pairs" | "tokens" | "multiple">>;

function bucketOf(examples: Int32Array, { pairs, tokens, multiple }: BatchSize): Bucket {
  const most = (lengthOf: (i: number) => number) => examples.reduce((max, i) => Math.max(max, lengthOf(i)), 1);
  const [sourceLength, length] = [most((i) => pairs.source.length(i)), most((i) => pairs.target.length(i) + 1)];
  const longest = Math.max(sourceLength, length);
  const runs = Math.min(Math.ceil(examples.length / multiple), Math.floor(tokens / longest / multiple));
  if (runs === 0) failTokens({ tokens, longest, multiple });
  const batch = runs * multiple;
  return { examples, shape: { batch, length, sourceLength, weights: true } };
}

function failTokens({ tokens, longest, multiple }: { tokens: number; longest: number; multiple: number }): never {
  const fitting = Math.floor(tokens / longest);
  return fail({
    code: "E_BATCH_TOKENS",
    where: "tokens a batch",
    expected: `at least ${longest * multiple}, ${multiple === 1 ? "the longest example" : `${multiple} of the longest examples`}`,
    got: String(tokens),
    ...(multiple > 1 && {
      hint: `Use a larger batch or length${fitting === 0 ? "" : `, or cut batches into at most ${fitting} parts`}.`,
    }),
  });
}

function planEpoch(buckets: readonly Bucket[], { seed, epoch }: { seed: number; epoch: number }) {
  const rng = createRng(seed).fork("pairs").fork(epoch);
  const batches = buckets.flatMap(({ examples, shape }, bucket) => {
    const order = rng.fork(bucket).permutation(examples.length);
    return Array.from({ length: Math.ceil(examples.length / shape.batch) }, (_, i) => ({
      bucket,
      rows: Int32Array.from(order.subarray(i * shape.batch, (i + 1) * shape.batch), (at) => examples[at]!),
    }));
  });
  return Array.from(rng.fork("order").permutation(batches.length), (i) => batches[i]!);
}

/** Target tokens and ends in front of each batch of an epoch, and, last, of all: the same sum in every epoch. */
function runningTokens(batches: readonly { rows: Int32Array }[], pairs: Pairs): Float64Array {
  const sums = new Float64Array(batches.length + 1);
  batches.forEach(({ rows }, i) => {
    sums[i + 1] = sums[i]! + rows.reduce((sum, example) => sum + pairs.target.length(example) + 1, 0);
  });
  return sums;
}

/** Rows beyond the last example of a bucket are empty: they count nothing. */
function fill(
  rows: Int32Array,
  { batch: B, length: T, sourceLength: S }: Bucket["shape"],
  { pairs, start, end }: PairBatchOptions,
): Omit<Batch, "epoch" | "shape"> {
  const source = { length: S, ids: new Int32Array(B * S), mask: new Uint8Array(B * S) };
  const [inputs, targets, weights] = [new Int32Array(B * T), new Int32Array(B * T), new Float32Array(B * T)];
  // An empty row still has one source token: attention over nothing has no meaning.
  for (let row = rows.length; row < B; row++) source.mask[row * S] = 1;
  rows.forEach((example, row) => {
    placePair(pairs, example, { source, inputs, targets, mask: weights, row, length: T, start, end });
  });
  return { arrays: { inputs, targets, weights, source: source.ids, sourceMask: source.mask } };
}

function paddingOf(buckets: readonly Bucket[], pairs: Pairs): number {
  let [filled, room] = [0, 0];
  for (const bucket of buckets) {
    const { shape, examples } = bucket;
    room += batchCount(bucket) * shape.batch * (shape.length + shape.sourceLength);
    for (const i of examples) filled += pairs.source.length(i) + pairs.target.length(i) + 1;
  }
  return 1 - filled / room;
}
