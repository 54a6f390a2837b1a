import { concat, type Tensor } from "../tensor/index.ts";
import {
  type ColumnMask,
  hide,
  joinMasks,
  lengthOf,
  type Reach,
  reachable,
  reachMask,
  type Span,
  seesAny,
  sumMasks,
} from "./attention-mask.ts";
import { softmaxWithSink } from "./attention-weights.ts";
import { type Block, recomputedBlocks } from "./recomputed-blocks.ts";

/**
 * Softmax attention over long sequences, block of queries by block of queries, so that keys hidden from a whole block
 * cost nothing and no more than one block of scores exists at a time in inference.
 * Axes: B batch, H query heads, G key heads (query head h reads key head ⌊h·G/H⌋), T queries and their keys, C cached
 * keys, S the keys a block looks at (cached ones first), K key width, V value width.
 */
export interface BlockwiseAttention extends Reach {
  q_BHTK: Tensor;
  k_BGTK: Tensor;
  v_BGTV: Tensor;
  scale: number;
  /** Keys before the first of k, in any order; bool [B, 1 or T, C] tells which of them a query sees. */
  cached?: { k_BGCK: Tensor; v_BGCV: Tensor; visible_BTC: Tensor } | undefined;
  /** Keys beside the sequence, which every query sees and to which no bias is added: [B, G, M, ...]. */
  beside?: { k_BGMK: Tensor; v_BGMV: Tensor } | undefined;
  /** bool [B, T]: keys that exist. */
  mask_BT?: Tensor | undefined;
  /** Keys that a query may see besides all else that hides them: bool, broadcast to [B, H, queries, C + keys]. */
  sees?: ((queries: Span, keys: Span) => Tensor) | undefined;
  /** Scores [B, H, rows, S] of q [B, H, rows, K] and k [B, G, S, K]; by default {@link groupedProduct} times `scale`. */
  score?: ((q_BHTK: Tensor, k_BGSK: Tensor) => Tensor) | undefined;
  /** Applied to scores before the bias is added: [B, H, rows, S] with the keys beside last, hidden ones included. */
  mix?: ((scores: Tensor) => Tensor) | undefined;
  /** Added to scaled scores: [B or 1, H, queries, C + keys]. */
  bias?: ((queries: Span, keys: Span) => Tensor) | undefined;
  /** c: scores become c·tanh(score / c). */
  softcap?: number | undefined;
  /** One more logit per head in the softmax, whose weight is dropped. */
  sink_H?: Tensor | undefined;
  /** Weights from scores, in which hidden keys are far below all others; by default softmax. */
  weigh?: ((scores: Tensor, at: WeighedBlock) => Tensor) | undefined;
  /** Applied to the weights of a block. */
  drop?: ((weights: Tensor, queries: Span) => Tensor) | undefined;
  /** Queries a block; the result is the same. Default by length. */
  block?: number | undefined;
  /** Whether the gradient computes scores anew instead of keeping those of all blocks; the result is the same. Default by length. */
  recompute?: boolean | undefined;
}

/** What beside masked scores decides the weights of a block. */
export interface WeighedBlock {
  queries: Span;
  keys: Span;
  /** The block's queries. */
  q_BHTK: Tensor;
  /** Scores before masks. */
  bare: Tensor;
}

export interface BlockwiseResult {
  y_BHTV: Tensor;
  /** Over C + T keys and those beside. */
  weights_BHTS: Tensor;
  /** Scores of the same keys before masks, 0 where a block did not look. */
  scores_BHTS: Tensor;
}

/** A query that sees no key gets zeros. Weights and scores cost nothing unless they are used. */
export function blockwiseAttention(a: BlockwiseAttention): BlockwiseResult {
  const blocks = attendBlocks(a);
  const joined = (part: keyof AttendedBlock) =>
    concat(
      2,
      blocks.map((block) => block[part]),
    );
  const y_BHTV = (a.recompute ?? a.q_BHTK.dim(2) > longestKept) ? recomputed(a) : joined("y");
  return { y_BHTV, weights_BHTS: joined("weights"), scores_BHTS: joined("scores") };
}

/** Queries up to which the scores of all blocks are kept for the gradient: beyond, they would fill the memory. */
const longestKept = 4096;

function attendBlocks(a: BlockwiseAttention): AttendedBlock[] {
  const blocks: AttendedBlock[] = [];
  let { k_BGTK, v_BGTV } = a;
  // Each block's keys are cut from those of the block after it, which halves the padding in the gradient.
  for (const { queries, keys } of blocksOf(a).reverse()) {
    k_BGTK = k_BGTK.slice(2, 0, keys.end);
    v_BGTV = v_BGTV.slice(2, 0, keys.end);
    const q_BHTK = a.q_BHTK.slice(2, queries.start, queries.end);
    const parts = { q_BHTK, k_BGTK: k_BGTK.slice(2, keys.start), v_BGTV: v_BGTV.slice(2, keys.start) };
    blocks.unshift(attendBlock({ ...a, ...parts }, { queries, keys, all: a.q_BHTK.dim(2) }));
  }
  return blocks;
}

/** What is dropped is drawn block by block, and must be drawn again alike. */
function recomputed(a: BlockwiseAttention): Tensor {
  const [all, block] = [a.q_BHTK.dim(2), blockSizeOf(a)];
  return recomputedBlocks(a, {
    blocks: blocksOf(a.drop ? a : { ...a, block: Math.ceil((3 * block) / 4) }),
    again: blocksOf(a),
    attend: (parts, at) => attendBlock({ ...a, ...parts }, { ...at, all }).y,
  });
}

interface AttendedBlock {
  y: Tensor;
  weights: Tensor;
  scores: Tensor;
}

function blocksOf(a: BlockwiseAttention): Block[] {
  const [total, size] = [a.q_BHTK.dim(2), blockSizeOf(a)];
  return Array.from({ length: Math.ceil(total / size) }, (_, i) => {
    const queries = { start: i * size, end: Math.min(total, (i + 1) * size) };
    return { queries, keys: reachable(queries, a, total) };
  });
}

const blockSizeOf = (a: BlockwiseAttention): number => a.block ?? blockSize(a.q_BHTK.dim(2), a);

/** Small enough to leave out hidden keys, large enough for efficient products; undivided where nothing is saved. */
function blockSize(queries: number, { causal, window, chunks }: Reach): number {
  const saves = causal || (window !== undefined && 2 * window < queries) || chunks !== undefined;
  if (queries < (saves ? 128 : 2048)) return Math.max(1, queries);
  return queries < 512 ? 64 : queries < 4096 || queries > 16_384 ? 128 : 256;
}

/** `a` holds the queries and keys of the block; the sequence has `all` keys. */
function attendBlock(a: BlockwiseAttention, { queries, keys, all }: Block & { all: number }): AttendedBlock {
  const { q_BHTK } = a;
  const [B, H] = [q_BHTK.dim(0), q_BHTK.dim(1)];
  const mask = maskOf(a, queries, keys);
  const scores = scoresOf(a, { queries, keys, q_BHTK });
  const masked = mask ? mask.addTo(scores) : scores;
  const weights_BHTS = a.weigh?.(masked, { queries, keys, q_BHTK, bare: scores }) ?? softmaxWithSink(masked, a.sink_H);
  const dropped = a.drop?.(weights_BHTS, queries) ?? weights_BHTS;
  const y = weighted(dropped.reshape([B, a.k_BGTK.dim(1), -1, weights_BHTS.dim(3)]), a).reshape([
    B,
    H,
    lengthOf(queries),
    -1,
  ]);
  const spread = (columns: Tensor) => spreadColumns(columns, a, { keys, all });
  const empty = a.mask_BT && !a.sink_H && mask ? seesAny(mask.whole) : undefined;
  return { y: empty ? y.mul(empty) : y, weights: spread(weights_BHTS), scores: spread(scores) };
}

/** Keys and values in the order of scores: cached ones, those of the block, those beside the sequence. */
function sourcesOf({ cached, k_BGTK, v_BGTV, beside }: BlockwiseAttention): { k: Tensor; v: Tensor }[] {
  return [
    ...(cached ? [{ k: cached.k_BGCK, v: cached.v_BGCV }] : []),
    { k: k_BGTK, v: v_BGTV },
    ...(beside ? [{ k: beside.k_BGMK, v: beside.v_BGMV }] : []),
  ];
}

/** q·kᵀ·scale [B, H, T, S] of q [B, H, T, K] and k [B, G, S, K]; the queries that share a key head are rows of one product. */
export function groupedProduct(q_BHTK: Tensor, k_BGSK: Tensor, scale: number): Tensor {
  const [B, H, rows, K] = q_BHTK.shape as [number, number, number, number];
  const grouped = q_BHTK.reshape([B, k_BGSK.dim(1), -1, K]);
  return grouped.matmul(k_BGSK, { transB: true, alpha: scale }).reshape([B, H, rows, -1]);
}

function scoresOf(
  a: BlockwiseAttention,
  { queries, keys, q_BHTK }: { queries: Span; keys: Span; q_BHTK: Tensor },
): Tensor {
  const score = a.score ?? ((q: Tensor, k: Tensor) => groupedProduct(q, k, a.scale));
  const products = concat(
    -1,
    sourcesOf(a).map(({ k }) => score(q_BHTK, k)),
  );
  const mixed = a.mix?.(products) ?? products;
  const biased = a.bias ? mixed.add(a.bias(queries, keys).pad(-1, 0, besideCount(a))) : mixed;
  return a.softcap === undefined ? biased : biased.div(a.softcap).tanh().mul(a.softcap);
}

const besideCount = ({ beside }: BlockwiseAttention): number => beside?.k_BGMK.dim(2) ?? 0;

/** Values summed with weights [B, G, …, S]. */
function weighted(weights: Tensor, a: BlockwiseAttention): Tensor {
  const values = sourcesOf(a).map(({ v }) => v);
  if (values.length === 1) return weights.matmul(values[0]!);
  const parts = weights.split(
    -1,
    values.map((v) => v.dim(2)),
  );
  return parts.map((part, i) => part.matmul(values[i]!)).reduce((sum, y) => sum.add(y));
}

/** Keys up to which a causal block adds a mask of full width; beyond, constants of T² / 2 elements would fill the memory. */
const widestMask = 2048;

interface BlockMask {
  /** Adds the mask to scores [B, H, rows, S]. */
  addTo(scores: Tensor): Tensor;
  /** Broadcasts to [B, H, rows, S or the last columns of it]. */
  whole: Tensor;
}

function maskOf(a: BlockwiseAttention, queries: Span, keys: Span): BlockMask | undefined {
  const diagonalOnly = a.causal && !a.window && !a.chunks && !a.cached && !a.mask_BT && !a.beside && !a.sees;
  if (!diagonalOnly) return fullMask(a, queries, keys);
  const tail = reachMask(queries, queries, a);
  if (!tail) return undefined;
  const before = lengthOf(keys) - lengthOf(queries);
  if (lengthOf(keys) > widestMask)
    return {
      whole: tail,
      addTo: (scores) => concat(-1, [scores.slice(-1, 0, before), scores.slice(-1, before).add(tail)]),
    };
  const whole = tail.pad(1, before, 0);
  return { whole, addTo: (scores) => scores.add(whole) };
}

function fullMask(a: BlockwiseAttention, queries: Span, keys: Span): BlockMask | undefined {
  const visible = a.cached?.visible_BTC;
  const rows = visible && (visible.dim(1) === 1 ? visible : visible.slice(1, queries.start, queries.end));
  const old = rows ? [{ mask: hide(rows), columns: rows.dim(2) }] : [];
  const beside = a.beside ? [{ mask: undefined, columns: besideCount(a) }] : [];
  const byTime = joinMasks([...old, ...recentMasks(a, queries, keys), ...beside])?.unsqueeze(1);
  const byPattern = a.sees && hide(a.sees(queries, keys)).pad(-1, 0, besideCount(a));
  const whole = sumMasks([byTime, byPattern]);
  return whole && { whole, addTo: (scores) => scores.add(whole) };
}

/** Masks of the keys that all of the block reaches, and of those at its borders. */
function recentMasks(a: BlockwiseAttention, queries: Span, keys: Span): ColumnMask[] {
  const border = a.causal && a.window === undefined && !a.chunks ? { ...keys, start: queries.start } : keys;
  const within = { ...keys, end: border.start };
  const exists = (span: Span) => a.mask_BT && hide(a.mask_BT.slice(1, span.start, span.end)).unsqueeze(1);
  return [
    { mask: exists(within), columns: lengthOf(within) },
    { mask: sumMasks([exists(border), reachMask(queries, border, a)?.unsqueeze(0)]), columns: lengthOf(border) },
  ].filter(({ columns }) => columns > 0);
}

/** A block's columns [B, H, rows, S] with zeros at the keys it did not look at: [B, H, rows, C + T + M]. */
function spreadColumns(columns: Tensor, a: BlockwiseAttention, { keys, all }: { keys: Span; all: number }): Tensor {
  const [old, beside] = [a.cached?.k_BGCK.dim(2) ?? 0, besideCount(a)];
  const end = columns.dim(-1) - beside;
  const recent = columns.slice(-1, old, end).pad(3, keys.start, all - keys.end);
  return concat(-1, [
    ...(old > 0 ? [columns.slice(-1, 0, old)] : []),
    recent,
    ...(beside > 0 ? [columns.slice(-1, end)] : []),
  ]);
}
