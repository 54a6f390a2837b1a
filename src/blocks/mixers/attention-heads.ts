import { concat, type Tensor } from "../../tensor/index.ts";
import type { Ways } from "../define.ts";
import { linear, type Weight } from "../weights/use.ts";
import { type NormContext, normaliseColumns } from "./attention-norm.ts";

export interface Heads {
  /** Query heads. */
  H: number;
  /** Key and value heads. */
  G: number;
  /** Width of a head. */
  K: number;
  /** Width of a head's values. */
  V: number;
}

type Projections = NormContext & {
  c: { clip?: number | undefined };
  p: { qkv: Weight; qkvBias?: Weight };
};

/**
 * q [B, H, T, K], k [B, G, T, K] and v [B, G, T, V] of x [B, T, D] by one product with the columns of q, k and v side by side,
 * or of streams of their own by one product each.
 */
export function projectHeads(
  x: Tensor | Ways,
  { c, p }: Projections,
  { H, G, K, V }: Heads,
): [q: Tensor, k: Tensor, v: Tensor] {
  const columns = "queries" in x ? columnsOf(x, p, [H * K, G * K, G * V]) : linear(x, p.qkv, p.qkvBias);
  const normed = normaliseColumns(columns, { c, p });
  const joined = c.clip === undefined ? normed : normed.maximum(-c.clip).minimum(c.clip);
  if (V === K) return splitHeads(joined, H + 2 * G).split(1, [H, G, G]) as [Tensor, Tensor, Tensor];
  const [q, k, v] = joined.split(-1, [H * K, G * K, G * V]) as [Tensor, Tensor, Tensor];
  return [splitHeads(q, H), splitHeads(k, G), splitHeads(v, G)];
}

/** The columns of q, k and v, each of its own input. */
function columnsOf(
  { queries, keys, values }: Ways,
  { qkv, qkvBias }: Projections["p"],
  sizes: readonly number[],
): Tensor {
  const part = (w: Weight, i: number): Weight => ({ ...w, tensor: w.tensor.split(-1, sizes)[i]! });
  const inputs = [queries, keys, values];
  return concat(
    -1,
    inputs.map((x, i) => linear(x, part(qkv, i), qkvBias && part(qkvBias, i))),
  );
}

/** [B, T, heads·V] → [B, heads, T, V]. */
export function splitHeads(x_BTF: Tensor, heads: number): Tensor {
  const [B, T, F] = x_BTF.shape as [number, number, number];
  return T === 1 ? x_BTF.reshape([B, heads, 1, F / heads]) : x_BTF.reshape([B, T, heads, F / heads]).swap(1, 2);
}

/** [B, H, T, V] → [B, T, H·V]. */
export function mergeHeads(y_BHTV: Tensor): Tensor {
  const [B, H, T, V] = y_BHTV.shape as [number, number, number, number];
  return (T === 1 ? y_BHTV : y_BHTV.swap(1, 2)).reshape([B, T, H * V]);
}
