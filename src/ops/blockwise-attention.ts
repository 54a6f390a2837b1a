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
  /** bool [B, T]: keys that exist. */
  mask_BT?: Tensor | undefined;
  /** Added to scaled scores: [B or 1, H, queries, C + keys]. */
  bias?: ((queries: Span, keys: Span) => Tensor) | undefined;
  /** c: scores become c·tanh(score / c). */
  softcap?: number | undefined;
  /** One more logit per head in the softmax, whose weight is dropped. */
  sink_H?: Tensor | undefined;
  /** Applied to the weights of a block. */
  drop?: ((weights: Tensor, queries: Span) => Tensor) | undefined;
  /** Queries a block; the result is the same. Default by length. */
  block?: number | undefined;
}

/** A query that sees no key gets zeros. `weights` are spread over all C + T keys, and cost nothing unless they are used. */
export function blockwiseAttention(a: BlockwiseAttention): { y_BHTV: Tensor; weights_BHTS: Tensor } {
  const blocks: { y: Tensor; weights: Tensor }[] = [];
  let { k_BGTK, v_BGTV } = a;
  // Each block's keys are cut from those of the block after it, which halves the padding in the gradient.
  for (const { queries, keys } of blocksOf(a).reverse()) {
    k_BGTK = k_BGTK.slice(2, 0, keys.end);
    v_BGTV = v_BGTV.slice(2, 0, keys.end);
    blocks.unshift(
      attendBlock({ ...a, k_BGTK: k_BGTK.slice(2, keys.start), v_BGTV: v_BGTV.slice(2, keys.start) }, queries, keys),
    );
  }
  return {
    y_BHTV: concat(
      2,
      blocks.map(({ y }) => y),
    ),
    weights_BHTS: concat(
      2,
      blocks.map(({ weights }) => weights),
    ),
  };
}

interface Block {
  queries: Span;
  keys: Span;
}

function blocksOf(a: BlockwiseAttention): Block[] {
  const total = a.q_BHTK.dim(2);
  const size = a.block ?? blockSize(total, a);
  return Array.from({ length: Math.ceil(total / size) }, (_, i) => {
    const queries = { start: i * size, end: Math.min(total, (i + 1) * size) };
    return { queries, keys: reachable(queries, a, total) };
  });
}

/** Small enough to leave out hidden keys, large enough for efficient products; undivided where nothing is saved. */
function blockSize(queries: number, { causal, window }: Reach): number {
  const saves = causal || (window !== undefined && 2 * window < queries);
  if (queries < (saves ? 128 : 2048)) return Math.max(1, queries);
  return queries < 512 ? 64 : queries < 4096 ? 128 : 256;
}

function attendBlock(a: BlockwiseAttention, queries: Span, keys: Span): { y: Tensor; weights: Tensor } {
  const [B, H] = [a.q_BHTK.dim(0), a.q_BHTK.dim(1)];
  const rows = lengthOf(queries);
  const mask = maskOf(a, queries, keys);
  const scores = scoresOf(a, queries, keys);
  const weights_BHTS = softmaxOf(mask ? mask.addTo(scores) : scores, a.sink_H);
  const dropped = a.drop?.(weights_BHTS, queries) ?? weights_BHTS;
  const y = weigh(dropped.reshape([B, a.k_BGTK.dim(1), -1, weights_BHTS.dim(3)]), a).reshape([B, H, rows, -1]);
  const empty = a.mask_BT && !a.sink_H && mask ? seesAny(mask.whole) : undefined;
  return { y: empty ? y.mul(empty) : y, weights: spread(weights_BHTS, a, keys) };
}

/** [B, H, rows, S]; the queries that share a key head are rows of one product. */
function scoresOf(a: BlockwiseAttention, queries: Span, keys: Span): Tensor {
  const q_BHTK = a.q_BHTK.slice(2, queries.start, queries.end);
  const [B, H, rows, K] = q_BHTK.shape as [number, number, number, number];
  const grouped = q_BHTK.reshape([B, a.k_BGTK.dim(1), -1, K]);
  const all = a.cached ? [a.cached.k_BGCK, a.k_BGTK] : [a.k_BGTK];
  const products = all.map((k) => grouped.matmul(k, { transB: true, alpha: a.scale }));
  const scores = concat(-1, products).reshape([B, H, rows, -1]);
  const biased = a.bias ? scores.add(a.bias(queries, keys)) : scores;
  return a.softcap === undefined ? biased : biased.div(a.softcap).tanh().mul(a.softcap);
}

function softmaxOf(scores: Tensor, sink_H: Tensor | undefined): Tensor {
  if (!sink_H) return scores.softmax(-1);
  const sink = sink_H.reshape([1, -1, 1, 1]).expand([...scores.shape.slice(0, -1), 1]);
  return concat(-1, [scores, sink]).softmax(-1).slice(-1, 0, -1);
}

/** Weights [B, G, …, S] over cached and new values. */
function weigh(weights: Tensor, { cached, v_BGTV }: BlockwiseAttention): Tensor {
  if (!cached) return weights.matmul(v_BGTV);
  const [old, recent] = weights.split(-1, [cached.v_BGCV.dim(2), v_BGTV.dim(2)]) as [Tensor, Tensor];
  return old.matmul(cached.v_BGCV).add(recent.matmul(v_BGTV));
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
  const diagonalOnly = a.causal && a.window === undefined && !a.cached && !a.mask_BT;
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
  const whole = joinMasks([...old, ...recentMasks(a, queries, keys)])?.unsqueeze(1);
  return whole && { whole, addTo: (scores) => scores.add(whole) };
}

/** Masks of the keys that all of the block reaches, and of those at its borders. */
function recentMasks(a: BlockwiseAttention, queries: Span, keys: Span): ColumnMask[] {
  const border = a.causal && a.window === undefined ? { ...keys, start: queries.start } : keys;
  const within = { ...keys, end: border.start };
  const exists = (span: Span) => a.mask_BT && hide(a.mask_BT.slice(1, span.start, span.end)).unsqueeze(1);
  return [
    { mask: exists(within), columns: lengthOf(within) },
    { mask: sumMasks([exists(border), reachMask(queries, border, a)?.unsqueeze(0)]), columns: lengthOf(border) },
  ].filter(({ columns }) => columns > 0);
}

/** Weights of one block with zeros at the keys it did not look at: [B, H, rows, C + T]. */
function spread(weights: Tensor, { cached, q_BHTK }: BlockwiseAttention, keys: Span): Tensor {
  const old = cached ? cached.k_BGCK.dim(2) : 0;
  const recent = weights.slice(-1, old).pad(3, keys.start, q_BHTK.dim(2) - keys.end);
  return old === 0 ? recent : concat(-1, [weights.slice(-1, 0, old), recent]);
}
