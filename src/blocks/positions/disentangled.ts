import { z } from "zod";
import { constant, type Tensor } from "../../tensor/index.ts";
import { type ChannelContext, definePosition } from "../define.ts";
import { bias, matrix, table } from "../weights/declare.ts";
import { linear, type Weight } from "../weights/use.ts";
import { type AttendedBlock, attended, distances, keysByHead, rowScores } from "./distance-scores.ts";

const config = z.strictObject({
  maxDistance: z.int().min(3).default(512).describe("k: distance in tokens from which all share a vector"),
  buckets: z
    .int()
    .min(2)
    .optional()
    .describe(
      "vectors a side, near distances one each, far ones shared by logarithm (DeBERTa v2); default: maxDistance",
    ),
  bias: z.boolean().default(false).describe("offsets of the maps"),
});
type Config = z.infer<typeof config>;
const dims = (c: Config, K: number, H = 1, around?: { model: number }) => ({
  D: around?.model ?? H * K,
  H,
  K,
  span: c.buckets ?? c.maxDistance,
});
type Dims = ReturnType<typeof dims>;
const params = ({ D, H, K, span }: Dims, c: Config) => ({
  table: table(2 * span, D),
  keys: matrix(D, H * K),
  queries: matrix(D, H * K),
  ...(c.bias && { keysBias: bias(H * K), queriesBias: bias(H * K) }),
});
type Context = ChannelContext<Config, Dims, ReturnType<typeof params>> &
  AttendedBlock & { queries_BT: Tensor; keys_BS: Tensor };

/**
 * Disentangled attention: contents and distances have vectors of their own, and each side's content meets the other's
 * distance. With attention's `scale` at 1/√(3·headSize), the published one.
 * Axes: B batch, H heads, T queries, S keys, K head size, D model, N distances.
 */
export const disentangled = definePosition({
  kind: "disentangled",
  title: "Disentangled positions (DeBERTa)",
  cite: { arxiv: "2006.03654", by: "He et al. 2020, eq. 4" },
  equations: [
    "score_ij = (q_i·k_j + q_i·K_r[δ(i,j)] + k_j·Q_r[δ(i,j)])·scale",
    "δ(i,j) = clip(i − j + N, 0, 2N − 1);  K_r, Q_r = P·W_k, P·W_q",
  ],
  config,
  dims,
  params,
  bias({ c, d, p, queries_BT, keys_BS, ...block }: Context) {
    const { q_BHTK, k_BGSK, scale } = attended(block, "disentangled");
    const rows = (map: Weight, offset: Weight | undefined) =>
      linear(p.table.tensor, map, offset).reshape([-1, d.H, d.K]).swap(0, 1);
    const index_BTS = indexOf(distances(queries_BT, keys_BS, c.maxDistance), c);
    const content = rowScores(q_BHTK, rows(p.keys, p.keysBias), index_BTS);
    const place = rowScores(keysByHead(k_BGSK, d.H), rows(p.queries, p.queriesBias), index_BTS.swap(1, 2)).swap(2, 3);
    return content.add(place).mul(scale);
  },
});

/** Rows of the table by distance, i32. */
function indexOf(distance: Tensor, { maxDistance, buckets }: Config): Tensor {
  const rows = Array.from({ length: 2 * maxDistance + 1 }, (_, i) => rowOf(i - maxDistance, { maxDistance, buckets }));
  return constant(rows, [rows.length], "i32").gather(0, distance.add(maxDistance));
}

/** Row of a distance i − j. */
export function rowOf(
  distance: number,
  { maxDistance, buckets }: { maxDistance: number; buckets?: number | undefined },
): number {
  const span = buckets ?? maxDistance;
  const bucket =
    buckets === undefined ? distance : Math.sign(distance) * logBucket(Math.abs(distance), buckets, maxDistance);
  return Math.min(2 * span - 1, Math.max(0, bucket + span));
}

/** Up to half of the buckets a distance each, then by logarithm, so that the last begins at `maxDistance`. */
function logBucket(distance: number, buckets: number, maxDistance: number): number {
  const half = Math.floor(buckets / 2);
  if (distance <= half) return distance;
  const share = Math.log(distance / half) / Math.log((maxDistance - 1) / half);
  // Borders fall on whole distances, where rounding must not decide.
  return half + Math.ceil(share * (half - 1) - 1e-6);
}
