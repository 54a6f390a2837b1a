import { createRng, type NoiseOptions, spoil } from "../ops/index.ts";
import { type BatchOptions, createBatches, type TextBatches } from "./batches.ts";
import { type PairWindows, pairWindows } from "./pair-windows.ts";
import { RaggedBuilder } from "./pairs.ts";

/** Ids that an objective of denoising adds. */
export interface NoiseTokens {
  start: number;
  end: number;
  mask: number;
}

export type NoiseBatchOptions = BatchOptions & NoiseOptions & NoiseTokens;

/**
 * Windows of a text and what noise leaves of them: those of `createBatches`, of T ids, each spoiled anew whenever it is read, as a
 * function of (seed, step, row) alone. Sources are padded to T. Throws as `createBatches`.
 */
export function createNoiseBatches(options: NoiseBatchOptions): TextBatches {
  const { seed, batch, length: T, start, end } = options;
  const texts = createBatches(options);
  const rng = createRng(seed).fork("noise");
  return {
    ...texts,
    shapes: [{ batch, length: T + 1, sourceLength: T }],
    batch(step) {
      const text = texts.batch(step);
      const [source, sourceMask] = [new Int32Array(batch * T), new Uint8Array(batch * T)];
      const [inputs, targets] = [new Int32Array(batch * (T + 1)), new Int32Array(batch * (T + 1))];
      for (let row = 0; row < batch; row++) {
        const ids = text.arrays.inputs.subarray(row * T, (row + 1) * T) as Int32Array;
        const spoiled = spoil(ids, options, rng.fork(step).fork(row));
        source.set(spoiled, row * T);
        sourceMask.fill(1, row * T, row * T + spoiled.length);
        inputs.set([start, ...ids], row * (T + 1));
        targets.set([...ids, end], row * (T + 1));
      }
      return { arrays: { inputs, targets, source, sourceMask }, shape: 0, epoch: text.epoch };
    },
  };
}

/**
 * A text in windows of `length` ids, each spoiled once, always alike; every id is predicted (1 in `mask`), the end is not. Wholly
 * padded windows make their number a multiple of `multipleOf`.
 */
export function noiseWindows(
  ids: Int32Array,
  { length, multipleOf = 1, ...own }: { length: number; multipleOf?: number } & NoiseOptions & NoiseTokens,
): PairWindows {
  const rng = createRng(0).fork("noise");
  const [source, target] = [new RaggedBuilder(), new RaggedBuilder()];
  const count = Math.ceil(ids.length / length);
  for (let w = 0; w < count; w++) {
    const window = ids.subarray(w * length, (w + 1) * length);
    source.push(spoil(window, own, rng.fork(w)));
    target.push(window);
  }
  const windows = pairWindows({ count, source: source.finish(), target: target.finish() }, { ...own, multipleOf });
  return { ...windows, mask: windows.mask.map((bit, i) => (windows.targets[i] === own.end ? 0 : bit)) };
}
