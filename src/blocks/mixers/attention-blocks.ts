/**
 * What blocks of scores are made from in `attention`, and what becomes of them. Axes as there: B batch, T new tokens, C cached
 * tokens, S the keys of a block, H query heads.
 */
import { attentionWeights, keepLargest, type Span, straightThrough, type WeighedBlock } from "../../ops/index.ts";
import { concat, type Tensor } from "../../tensor/index.ts";
import type { Io } from "../define.ts";
import { value, type Weight } from "../weights/use.ts";
import { type Cache, keyPositions, positionsOf } from "./attention-cache.ts";
import type { AttentionConfig } from "./attention-config.ts";
import { chunksOf, patternSees } from "./attention-pattern.ts";
import type { PositionHooks } from "./attention-positions.ts";
import { refine, type ScoreWeights, valueBias } from "./attention-scores.ts";
import { type TalkWeights, talkWeights } from "./attention-talk.ts";

interface Context {
  c: AttentionConfig;
  d: { H: number };
  p: ScoreWeights & TalkWeights & { sink?: Weight };
  io: Io;
}

/** Chunks cut blocks of work where tokens are counted from 0; after cached ones, and for other patterns, a mask tells. */
export function patternOf(
  { c: { pattern }, io }: Pick<Context, "c" | "io">,
  cached: Cache | undefined,
  tokens: number,
) {
  if (!pattern) return {};
  const { positions_BT: _, ...counted } = io;
  const index_BT = positionsOf(counted, tokens);
  const chunks = io.length_B ? undefined : chunksOf(pattern);
  if (chunks) return { chunks };
  return {
    sees: (queries: Span, keys: Span) =>
      patternSees(
        pattern,
        index_BT.slice(1, queries.start, queries.end).unsqueeze(-1),
        keyPositions(cached, index_BT.slice(1, keys.start, keys.end)).unsqueeze(-2),
      ).unsqueeze(1),
  };
}

/** What blocks of scores are made from beside queries, keys and values. */
export interface Seen {
  x_BTD: Tensor;
  q_BHTK: Tensor;
  k_BGTK: Tensor;
  scale: number;
  cached: Cache | undefined;
  hooks: PositionHooks;
  /** The bias that keys have from their values, over C + T keys. */
  bias_BH1S: Tensor | undefined;
}

export function keyBias(v_BGTV: Tensor, cached: Cache | undefined, { d, p }: Context): Tensor {
  if (!cached) return valueBias(v_BGTV, p, d.H);
  // What lies in empty slots might grow beyond any mask.
  const filled_BC = cached.visible_BTC.cast("f32").max(1);
  const old = cached.v_BGCV.mul(filled_BC.unsqueeze(1).unsqueeze(-1));
  return valueBias(concat(2, [old, v_BGTV]), p, d.H);
}

/** Of columns over cached and new keys (and more), those of a block. */
function columnsOf(x: Tensor, cached: Cache | undefined, keys: Span): Tensor {
  const old = cached?.k_BGCK.dim(2) ?? 0;
  const recent = x.slice(-1, old + keys.start, old + keys.end);
  return old === 0 ? recent : concat(-1, [x.slice(-1, 0, old), recent]);
}

/** What a position scheme adds to a block of scores; undefined where it adds nothing. */
export function positionBias(
  { x_BTD, q_BHTK, k_BGTK, scale, cached, hooks }: Omit<Seen, "bias_BH1S">,
  { positions_BT, heads }: { positions_BT: Tensor; heads: number },
) {
  const { bias } = hooks;
  if (!bias) return undefined;
  return (queries: Span, keys: Span): Tensor => {
    const rows = (x: Tensor, axis: number) => x.slice(axis, queries.start, queries.end);
    const recent = k_BGTK.slice(2, keys.start, keys.end);
    return bias({
      queries_BT: rows(positions_BT, 1),
      keys_BS: keyPositions(cached, positions_BT.slice(1, keys.start, keys.end)),
      heads,
      x_BTD: rows(x_BTD, 1),
      q_BHTK: rows(q_BHTK, 2),
      k_BGSK: cached ? concat(2, [cached.k_BGCK, recent]) : recent,
      scale,
    });
  };
}

export function biasOf({ c, d, io }: Context, seen: Seen) {
  const { x_BTD, cached, bias_BH1S } = seen;
  const handed = c.scoreResidual ? io.handed?.attentionScores_BHTS : undefined;
  const ofPositions = positionBias(seen, { positions_BT: positionsOf(io, x_BTD.dim(1)), heads: d.H });
  if (!ofPositions && !handed && !bias_BH1S) return undefined;
  return (queries: Span, keys: Span): Tensor => {
    const terms = [
      ofPositions?.(queries, keys),
      handed && columnsOf(handed.slice(2, queries.start, queries.end), cached, keys),
      bias_BH1S && columnsOf(bias_BH1S, cached, keys),
    ];
    return terms.filter((term) => term !== undefined).reduce((sum, term) => sum.add(term));
  };
}

/** Undefined where weights are the softmax of scores. */
export function weighOf({ c, p, io }: Context, { cached, bias_BH1S }: Seen) {
  const talks = c.talkingHeads !== undefined && c.talkingHeads !== "before";
  const refines = c.contextualPositions ?? c.dynamicMask ?? c.selective;
  if (!c.weights && !c.topK && !talks && refines === undefined) return undefined;
  return (scores: Tensor, { q_BHTK, keys, bare }: WeighedBlock): Tensor => {
    const ranked = bias_BH1S && columnsOf(bias_BH1S, cached, keys);
    const refined = refine(scores, { c, p, q_BHTK, bias_BH1S: ranked, mask_BT: io.mask_BT });
    const weigh = (t: Tensor) => attentionWeights(t, { kind: c.weights, sink_H: p.sink && value(p.sink) });
    const kept = weigh(c.topK === undefined ? refined : keepLargest(refined, c.topK));
    return talkWeights(c.topKGradient === "all" ? straightThrough(kept, weigh(refined)) : kept, { scores, bare }, p);
  };
}
