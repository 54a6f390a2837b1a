import { z } from "zod";
import type { Tensor } from "../../tensor/index.ts";
import { type ChannelContext, definePosition } from "../define.ts";
import { table } from "../weights/declare.ts";
import { value } from "../weights/use.ts";
import { type AttendedBlock, attended, distances, rowScores } from "./distance-scores.ts";

const config = z.strictObject({
  maxDistance: z.int().positive().default(16).describe("k: distance in tokens from which all share a vector"),
});
const dims = (c: z.infer<typeof config>, K: number) => ({ K, N: 2 * c.maxDistance + 1 });
const params = ({ K, N }: ReturnType<typeof dims>) => ({ keys: table(N, K) });
type Context = ChannelContext<z.infer<typeof config>, ReturnType<typeof dims>, ReturnType<typeof params>> &
  AttendedBlock & { queries_BT: Tensor; keys_BS: Tensor };

/**
 * Relative positions on keys: each clipped distance has a vector that is added to the key, one for all heads.
 * Axes: B batch, H heads, T queries, S keys, K head size, N distances.
 */
export const relative = definePosition({
  kind: "relative",
  title: "Relative position representations",
  cite: { arxiv: "1803.02155", by: "Shaw et al. 2018, eq. 4" },
  equations: ["score_ij = q_i·(k_j + a_ij)·scale,  a_ij = w[clip(j − i, ±k)]"],
  config,
  dims,
  params,
  bias({ c, p, queries_BT, keys_BS, ...block }: Context) {
    const { q_BHTK, scale } = attended(block, "relative");
    const index_BTS = distances(queries_BT, keys_BS, c.maxDistance).neg().add(c.maxDistance);
    return rowScores(q_BHTK, value(p.keys), index_BTS).mul(scale);
  },
});
