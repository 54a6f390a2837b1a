/**
 * Softmax attention as it is in mixers that make heads in ways of their own: new tokens over cached ones and themselves.
 * Axes: B batch, T new tokens, D model, H query heads, G key heads, K key size, V value size.
 */
import { blockwiseAttention } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { Capabilities, GrowingState, Io } from "../define.ts";
import type { Weight } from "../weights/use.ts";
import { positionBias } from "./attention-blocks.ts";
import { cacheOf, positionsOf } from "./attention-cache.ts";
import { type PositionChoice, positionHooks, rotatedSize } from "./attention-positions.ts";

/** Keys, already rotated, and values: [G, tokens, K] each; a mixer that does not decode keeps nothing. */
export type KeyValueState = { k?: GrowingState; v?: GrowingState };

export function keyValueState(d: { G: number; K: number }, { causal }: { causal: boolean }): KeyValueState {
  const entries = (width: number): GrowingState => ({ shape: (tokens) => [d.G, tokens, width], axis: 1 });
  return causal ? { k: entries(rotatedSize(d)), v: entries(d.K) } : {};
}

/** Of an attention whose heads or maps are chosen by a router, causal or not. */
export const routedAttention = ({ causal }: { causal: boolean }): Capabilities => ({
  flow: causal ? "causal" : "bidirectional",
  state: causal ? "growing" : "none",
  length: "any",
  batch: "independent",
  smooth: "away from ties",
  exact: "bitwise",
});

interface Heads {
  q_BHTK: Tensor;
  k_BGTK: Tensor;
  v_BGTV: Tensor;
}

interface Context {
  c: { positions: PositionChoice; causal: boolean };
  d: Readonly<Record<string, unknown>> & { K: number };
  p: Readonly<Record<string, Weight>>;
  s: { k?: Tensor | undefined; v?: Tensor | undefined };
  io: Io;
}

/** Queries and keys come without positions; the keys returned have theirs, as the state holds them. */
export function cachedAttention(x_BTD: Tensor, { q_BHTK, k_BGTK, v_BGTV }: Heads, { c, d, p, s, io }: Context) {
  const T = x_BTD.dim(1);
  const hooks = positionHooks(c.positions, { d, p, io });
  const positions_BT = positionsOf(io, T);
  const [q, k] = [hooks.rotate(q_BHTK, positions_BT, "query"), hooks.rotate(k_BGTK, positions_BT, "key")];
  const cached = cacheOf({ k: s.k, v: s.v }, { length_B: io.length_B, queries: T, window: undefined });
  const scale = d.K ** -0.5;
  const seen = { x_BTD, q_BHTK: q, k_BGTK: k, scale, cached, hooks };
  const { y_BHTV } = blockwiseAttention({
    q_BHTK: q,
    k_BGTK: k,
    v_BGTV,
    causal: c.causal,
    cached,
    mask_BT: io.mask_BT,
    scale,
    bias: positionBias(seen, { positions_BT, heads: q.dim(1) }),
  });
  return { y_BHTV, k_BGTK: k };
}
