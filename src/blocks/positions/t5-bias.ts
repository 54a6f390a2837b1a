import { z } from "zod";
import { constant } from "../../tensor/index.ts";
import { definePosition } from "../define.ts";
import { table } from "../weights/declare.ts";
import { embed } from "../weights/use.ts";

/**
 * A learned number per head and bucket of distances is added to scores: small distances have a bucket each, larger ones
 * share buckets of geometrically growing width, all from `maxDistance` on the last.
 */
export const t5Bias = definePosition({
  kind: "t5-bias",
  title: "T5 relative position bias",
  cite: { arxiv: "1910.10683", by: "Raffel et al. 2020" },
  equations: [
    "score_ij += b[bucket(j − i), h]",
    "bucket(n) = n for n < N/2, else N/2 + ⌊ln(n / (N/2)) / ln(max / (N/2)) · N/2⌋",
  ],
  config: z.strictObject({
    buckets: z
      .int()
      .min(4)
      .default(32)
      .describe("number of buckets, N; of both sides together where both are told apart"),
    maxDistance: z.int().positive().default(128).describe("distance in tokens from which all share the last bucket"),
    sides: z
      .enum(["past", "both"])
      .default("past")
      .describe("past: later keys count as distance 0 (decoders); both: half of the buckets for later keys (encoders)"),
  }),
  dims: (c, _width, heads = 1) => ({ buckets: c.buckets, H: heads }),
  params: ({ buckets, H }) => ({ table: table(buckets, H) }),
  bias({ c, p, queries_BT, keys_BS }) {
    const farthest = c.maxDistance;
    const distances = Array.from({ length: 2 * farthest + 1 }, (_, i) => i - farthest);
    // First a row per distance, so that the large gather below adds its gradient to few rows of a small table.
    const rows = embed(
      constant(
        distances.map((n) => bucketOf(n, c)),
        [distances.length],
        "i32",
      ),
      p.table,
    );
    const distance_BTS = keys_BS.unsqueeze(-2).sub(queries_BT.unsqueeze(-1));
    const index = distance_BTS.maximum(-farthest).minimum(farthest).add(farthest);
    return rows.gather(0, index).transpose([0, 3, 1, 2]);
  },
});

/** Bucket of key position − query position. */
export function bucketOf(
  distance: number,
  { buckets, maxDistance, sides }: { buckets: number; maxDistance: number; sides: "past" | "both" },
): number {
  const count = sides === "both" ? Math.floor(buckets / 2) : buckets;
  const offset = sides === "both" && distance > 0 ? count : 0;
  const size = sides === "both" ? Math.abs(distance) : Math.max(0, -distance);
  const single = Math.floor(count / 2);
  if (size < single) return offset + size;
  const share = Math.log(size / single) / Math.log(maxDistance / single);
  // Borders fall on whole distances, where rounding must not decide.
  return offset + Math.min(count - 1, single + Math.floor(share * (count - single) + 1e-6));
}
