import { concat, iota, type Tensor } from "../../tensor/index.ts";
import type { Io } from "../define.ts";

/** Earlier keys and values in their buffers, C slots of which the first or the newest are used. */
export interface Cache {
  k_BGCK: Tensor;
  v_BGCV: Tensor;
  /** bool [B, 1 or T, C]. */
  visible_BTC: Tensor;
  /** i32 [B, C], index of the token in each slot; meaningless where none is visible. */
  positions_BC: Tensor;
}

/**
 * A buffer as an attention cache. Entry t lies in slot t, or t mod window in a ring; slots without one must hold finite
 * numbers. Undefined where no state, or no length, is given: nothing came before.
 */
export function cacheOf(
  { k, v }: { k: Tensor | undefined; v: Tensor | undefined },
  { length_B, queries, window }: { length_B: Tensor | undefined; queries: number; window: number | undefined },
): Cache | undefined {
  if (!k || !v || !length_B) return undefined;
  const slots = Math.min(k.dim(2), window ?? k.dim(2));
  const age_BC = agesOf(length_B, slots, window);
  const filled = age_BC
    .greaterEqual(0)
    .and(age_BC.less(length_B.unsqueeze(1)))
    .unsqueeze(1);
  const within =
    window === undefined
      ? undefined
      : age_BC
          .unsqueeze(1)
          .add(iota(queries).unsqueeze(1))
          .less(window - 1);
  return {
    k_BGCK: k.slice(2, 0, slots),
    v_BGCV: v.slice(2, 0, slots),
    visible_BTC: within ? filled.and(within) : filled,
    positions_BC: length_B.unsqueeze(1).sub(1).sub(age_BC),
  };
}

/** Tokens since each slot's entry, 0 for the newest; negative, or at least the length, where a slot is empty. */
function agesOf(length_B: Tensor, slots: number, window: number | undefined): Tensor {
  const behind = length_B.unsqueeze(1).sub(1).sub(iota(slots));
  return window === undefined ? behind : behind.add(window).mod(window);
}

/** Positions of T new tokens: those given, else counted on from what is cached; i32 [B or 1, T]. */
export function positionsOf({ positions_BT, length_B }: Io, tokens: number): Tensor {
  if (positions_BT) return positions_BT;
  const along = iota(tokens).unsqueeze(0);
  return length_B ? along.add(length_B.unsqueeze(1)) : along;
}

/** Positions of the cached keys, then of the new ones. */
export function keyPositions(cache: Cache | undefined, recent_BT: Tensor): Tensor {
  if (!cache) return recent_BT;
  return concat(1, [cache.positions_BC, recent_BT.expand([cache.positions_BC.dim(0), recent_BT.dim(1)])]);
}
