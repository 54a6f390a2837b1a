import { createRng } from "../ops/index.ts";
import { type BatchOptions, createBatches, type TextBatches } from "./batches.ts";
import { type PairWindows, pairWindows } from "./pair-windows.ts";
import { RaggedBuilder } from "./pairs.ts";
import { assertSentinels, corrupt, dealtSpans, randomSpans, type SpanOptions, spanCounts } from "./spans.ts";

/** Ids that an objective of span corruption adds: around targets, and the first of the sentinels. */
export interface SpanTokens {
  start: number;
  end: number;
  sentinel: number;
}

export type SpanBatchOptions = BatchOptions & SpanOptions & SpanTokens;

/**
 * Windows of a text with spans left out: those of `createBatches`, of T ids, each corrupted anew whenever it is read, as a function
 * of (seed, step, row) alone. Shapes are exact: every corruption of T ids is as long as any other. Throws as `createBatches`, and E_SPANS.
 */
export function createSpanBatches(options: SpanBatchOptions): TextBatches {
  const { seed, batch, length: T, start, end, sentinel } = options;
  const { noise, spans } = spanCounts(T, options);
  const shape = { batch, length: noise + spans + 1, sourceLength: T - noise + spans };
  const texts = createBatches(options);
  const rng = createRng(seed).fork("spans");
  return {
    ...texts,
    shapes: [shape],
    batch(step) {
      const text = texts.batch(step);
      const source = new Int32Array(batch * shape.sourceLength);
      const [inputs, targets] = [new Int32Array(batch * shape.length), new Int32Array(batch * shape.length)];
      for (let row = 0; row < batch; row++) {
        const ids = text.arrays.inputs.subarray(row * T, (row + 1) * T) as Int32Array;
        const corrupted = corrupt(ids, randomSpans(T, options, rng.fork(step).fork(row)), sentinel);
        source.set(corrupted.source, row * shape.sourceLength);
        inputs.set([start, ...corrupted.target], row * shape.length);
        targets.set([...corrupted.target, end], row * shape.length);
      }
      const sourceMask = new Uint8Array(source.length).fill(1);
      return { arrays: { inputs, targets, source, sourceMask }, shape: 0, epoch: text.epoch };
    },
  };
}

/**
 * A text in windows of `length` ids, each corrupted 1/density times so that every id is left out exactly once; only left-out ids
 * are predicted (1 in `mask`), not the sentinels in front of them. Wholly padded windows make their number a multiple of `multipleOf`.
 */
export function spanWindows(
  ids: Int32Array,
  { length, density, span, multipleOf = 1, ...own }: { length: number; multipleOf?: number } & SpanOptions & SpanTokens,
): PairWindows {
  const groups = Math.max(2, Math.round(1 / density));
  const [source, target] = [new RaggedBuilder(), new RaggedBuilder()];
  let count = 0;
  for (let from = 0; from < ids.length; from += length)
    for (let group = 0; group < groups; group++) {
      const window = ids.subarray(from, from + length);
      const spans = dealtSpans(window.length, { span: Math.max(1, Math.round(span)), group, groups });
      if (spans.length === 0) continue;
      assertSentinels(spans.length, { length, sentinels: own.sentinels });
      const corrupted = corrupt(window, spans, own.sentinel);
      source.push(corrupted.source);
      target.push(corrupted.target);
      count++;
    }
  const windows = pairWindows({ count, source: source.finish(), target: target.finish() }, { ...own, multipleOf });
  const extra = Math.min(own.start, own.end, own.sentinel);
  return { ...windows, mask: windows.mask.map((bit, i) => (windows.targets[i]! < extra ? bit : 0)) };
}
