import { z } from "zod";
import { iota, type Tensor } from "../../tensor/index.ts";
import { type ChannelContext, definePosition } from "../define.ts";
import { matrix, vector } from "../weights/declare.ts";
import { linear, value } from "../weights/use.ts";
import { anglesOf } from "./angles.ts";
import { type AttendedBlock, attended, distances, rowScores } from "./distance-scores.ts";

const config = z.strictObject({
  maxDistance: z.int().positive().default(128).describe("distance in tokens from which all count as the same"),
  base: z.number().positive().default(10_000).describe("ratio of the longest to the shortest wavelength"),
});
type Config = z.infer<typeof config>;
const dims = (_c: Config, K: number, H = 1, around?: { model: number }) => {
  const D = around?.model ?? H * K;
  return { D, H, K, pairs: D / 2 };
};
type Dims = ReturnType<typeof dims>;
const params = ({ D, H, K }: Dims) => ({
  map: matrix(D, H * K),
  content: vector([H, K]),
  place: vector([H, K]),
});
type Context = ChannelContext<Config, Dims, ReturnType<typeof params>> & AttendedBlock & { side?: "query" | "key" };

/**
 * Relative positions of Transformer-XL and XLNet: sinusoids of the distance through a learned map, and two learned vectors
 * a head in place of the query's own position, one against contents and one against distances.
 * Axes: B batch, H heads, T queries, S keys, K head size, D model, N distances.
 */
export const transformerXl = definePosition({
  kind: "transformer-xl",
  title: "Relative sinusoids (Transformer-XL)",
  cite: { arxiv: "1901.02860", by: "Dai et al. 2019, section 3.3" },
  equations: [
    "score_ij = ((q_i + u)·k_j + (q_i + v)·(W_r R_{i−j}))·scale",
    "R_n = [sin(n ω); cos(n ω)],  ω_m = base^(−2m/D)",
  ],
  config,
  dims,
  params,
  rotate(x_BHTK, _positions_BT, { p, side = "query" }: Context) {
    return side === "key" ? x_BHTK : x_BHTK.add(value(p.content).unsqueeze(1));
  },
  bias({ c, d, p, queries_BT, keys_BS, ...block }: Context & { queries_BT: Tensor; keys_BS: Tensor }) {
    const { q_BHTK, scale } = attended(block, "transformer-xl");
    const waves = [0, 1].flatMap((quarters) =>
      Array.from({ length: d.pairs }, (_, m) => ({ frequency: c.base ** (-m / d.pairs), quarters })),
    );
    const steps_N1 = iota(2 * c.maxDistance + 1)
      .sub(c.maxDistance)
      .unsqueeze(1);
    const rows_HNK = linear(anglesOf(steps_N1, waves).sin(), p.map).reshape([-1, d.H, d.K]).swap(0, 1);
    // The queries already carry u.
    const moved = q_BHTK.add(value(p.place).sub(value(p.content)).unsqueeze(1));
    const index_BTS = distances(queries_BT, keys_BS, c.maxDistance).add(c.maxDistance);
    return rowScores(moved, rows_HNK, index_BTS).mul(scale);
  },
});
