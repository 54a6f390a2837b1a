/** Scores of positions that depend on what is at them. Axes: B batch, H heads, G key heads, T queries, S keys, K head size, N rows. */
import { fail, type Tensor } from "../../tensor/index.ts";

/** What attention gives to a scheme beside positions: a block of queries, their keys, and the factor on scores. */
export interface AttendedBlock {
  q_BHTK?: Tensor;
  k_BGSK?: Tensor;
  scale?: number;
}

/** The block's fields, all of them. Throws E_POSITION where a mixer does not give them. */
export function attended({ q_BHTK, k_BGSK, scale }: AttendedBlock, kind: string): Required<AttendedBlock> {
  if (q_BHTK && k_BGSK && scale !== undefined) return { q_BHTK, k_BGSK, scale };
  return fail({
    code: "E_POSITION",
    where: `positions.${kind}`,
    expected: "queries and keys",
    got: "positions alone",
    hint: "Use it in attention.",
  });
}

/** i − j of queries i32 [B, T] and keys i32 [B, S], within ±farthest. */
export function distances(queries_BT: Tensor, keys_BS: Tensor, farthest: number): Tensor {
  return queries_BT.unsqueeze(-1).sub(keys_BS.unsqueeze(-2)).maximum(-farthest).minimum(farthest);
}

/** x_t · r_n for the row n that each pair names: x [B, H, T, K], rows that broadcast to [B, H, N, K], index i32 [B or 1, T, S]. */
export function rowScores(x_BHTK: Tensor, rows: Tensor, index_BTS: Tensor): Tensor {
  const all_BHTN = x_BHTK.matmul(rows, { transB: true });
  const [B, H, T] = all_BHTN.shape as [number, number, number, number];
  return all_BHTN.gatherElements(-1, index_BTS.unsqueeze(1).expand([B, H, T, index_BTS.dim(2)]));
}

/** Keys of H heads from those of G: query head h reads key head ⌊h·G/H⌋. */
export function keysByHead(k_BGSK: Tensor, heads: number): Tensor {
  const [B, G, S, K] = k_BGSK.shape as [number, number, number, number];
  if (G === heads) return k_BGSK;
  return k_BGSK
    .unsqueeze(2)
    .expand([B, G, heads / G, S, K])
    .reshape([B, heads, S, K]);
}
