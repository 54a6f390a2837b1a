import { concat, iota, type Tensor, where } from "../tensor/index.ts";

/** Indices from `start` (inclusive) to `end` (exclusive). */
export interface Span {
  start: number;
  end: number;
}
export const lengthOf = ({ start, end }: Span): number => end - start;

/** Which keys a query may see by their distance i − j in tokens. */
export interface Reach {
  /** No later keys. */
  causal: boolean;
  /** Only distances below this. */
  window?: number | undefined;
  /** Only keys in chunks near the query's own. */
  chunks?: Chunks | undefined;
}

/** Tokens are cut into chunks of `size`, the first one at token 0; a query sees its own, `back` before and `ahead` after it. */
export interface Chunks {
  size: number;
  back: number;
  ahead: number;
}

/**
 * Added to a score that must not count. Any score is absorbed in it (in f32 and f64), its exponential is exactly 0, and
 * the sum of several stays finite, as the gradient of a row without visible keys does.
 */
const hidden = -1e30;

/** 0 where visible, else a number that no score survives. */
export const hide = (visible: Tensor): Tensor => where(visible, 0, hidden);

/** From what {@link hide} returned, or sums of it: whether a row sees any key, 1 or 0 along the last axis of size 1. */
export const seesAny = (mask: Tensor): Tensor => where(mask.max(-1, true).greater(hidden / 2), 1, 0);

/** Keys that any of these queries may see. */
export function reachable({ start, end }: Span, { causal, window, chunks }: Reach, keys: number): Span {
  const back = window ?? keys;
  const near = chunks ? chunkSpan({ start, end }, chunks) : { start: 0, end: keys };
  return {
    start: Math.max(0, start - back + 1, near.start),
    end: Math.min(keys, causal ? end : end + back - 1, near.end),
  };
}

/** From the first chunk that the first query sees to the last chunk that the last one sees. */
function chunkSpan({ start, end }: Span, { size, back, ahead }: Chunks): Span {
  return { start: (Math.floor(start / size) - back) * size, end: (Math.floor((end - 1) / size) + 1 + ahead) * size };
}

/** Whether a query sees a key by their chunks: indices i32 that broadcast → bool. */
export function sameChunks(query: Tensor, key: Tensor, { size, back, ahead }: Chunks): Tensor {
  const start = (index: Tensor) => index.sub(index.mod(size));
  const apart = start(query).sub(start(key));
  return apart.lessEqual(back * size).and(apart.greaterEqual(-ahead * size));
}

/** Mask [queries, keys] of a block by distance alone; undefined where every key is visible. */
export function reachMask(queries: Span, keys: Span, { causal, window, chunks }: Reach): Tensor | undefined {
  const rows = indices(lengthOf(queries))
    .add(queries.start - keys.start)
    .unsqueeze(1);
  const columns = indices(lengthOf(keys));
  const distance = rows.sub(columns);
  const rules = [
    causal && keys.end - 1 > queries.start ? distance.greaterEqual(0) : undefined,
    window !== undefined && queries.end - 1 - keys.start >= window ? distance.less(window) : undefined,
    window !== undefined && !causal && keys.end - 1 - queries.start >= window ? distance.greater(-window) : undefined,
    chunks && sameChunks(rows.add(keys.start), columns.add(keys.start), chunks),
  ].filter((rule) => rule !== undefined);
  return rules.length === 0 ? undefined : hide(rules.reduce((a, b) => a.and(b)));
}

const short = 256;

/** 0 … length − 1, made of short constants so that the many equal masks of a model are recognised as one. */
function indices(length: number): Tensor {
  if (length <= short) return iota(length);
  const blocks = indices(Math.ceil(length / short))
    .mul(short)
    .unsqueeze(1);
  return blocks.add(iota(short)).reshape([-1]).slice(0, 0, length);
}

/** Sum of the masks that exist, broadcast to [.., rows, columns]. */
export function sumMasks(masks: readonly (Tensor | undefined)[]): Tensor | undefined {
  return masks
    .filter((mask) => mask !== undefined)
    .reduce<Tensor | undefined>((sum, mask) => sum?.add(mask) ?? mask, undefined);
}

/** A mask [B or 1, rows or 1, columns]; none hides nothing. */
export interface ColumnMask {
  mask: Tensor | undefined;
  columns: number;
}

/** Masks side by side. What hides nothing is made from a mask that is there: engines fold constants of any size. */
export function joinMasks(parts: readonly ColumnMask[]): Tensor | undefined {
  const present = parts.flatMap(({ mask }) => (mask ? [mask] : []));
  if (present.length === 0) return undefined;
  const most = (axis: number) => Math.max(...present.map((mask) => mask.dim(axis)));
  const leading = [most(-3), most(-2)];
  const nothing = present[0]!.slice(-1, 0, 1).mul(0);
  return concat(
    -1,
    parts.map(({ mask, columns }) => (mask ?? nothing).expand([...leading, columns])),
  );
}
