import { z } from "zod";
import { constant } from "../../tensor/index.ts";
import { definePosition } from "../define.ts";

/** Attention with linear biases: each head loses score in proportion to the distance, at its own rate. */
export const alibi = definePosition({
  kind: "alibi",
  title: "ALiBi",
  cite: { arxiv: "2108.12409", by: "Press et al. 2021" },
  equations: ["score_ij += −m_h |i − j|", "m_h = 2^(−8h/H), h = 1 … H"],
  config: z.strictObject({
    heads: z.int().positive().optional().describe("heads that have a bias, the first ones (default: all)"),
    factor: z.number().positive().optional().describe("factor on all slopes (default: 1)"),
  }),
  dims: () => ({}),
  params: () => ({}),
  bias({ c, heads, queries_BT, keys_BS }) {
    const sloped = Math.min(c.heads ?? heads, heads);
    const slopes = [
      ...slopesOf(sloped).map((slope) => slope * (c.factor ?? 1)),
      ...new Array<number>(heads - sloped).fill(0),
    ];
    const distance_BTS = queries_BT.unsqueeze(-1).sub(keys_BS.unsqueeze(-2)).abs().cast("f32");
    return distance_BTS.unsqueeze(1).mul(constant(slopes, [heads, 1, 1]).neg());
  },
});

/**
 * 2^(−8h/H) for H a power of two; otherwise those of the next smaller power P, followed by every second one of 2P
 * (the authors' code, section "slopes" of the paper's appendix).
 */
export function slopesOf(heads: number): number[] {
  const power = 2 ** Math.floor(Math.log2(heads));
  const geometric = (count: number) => Array.from({ length: count }, (_, h) => 2 ** ((-8 * (h + 1)) / count));
  const between = geometric(2 * power).filter((_, h) => h % 2 === 0);
  return [...geometric(power), ...between.slice(0, heads - power)];
}
