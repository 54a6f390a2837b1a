import { z } from "zod";
import { defineEmbedding } from "../define.ts";
import { matrix, table } from "../weights/declare.ts";
import { embed, linear, value } from "../weights/use.ts";

/**
 * A learned vector per id; `sqrt-width` multiplies it by √D, the table then starting at 1/√D (Vaswani et al. 2017, section
 * 3.4). With a rank R, vectors of R numbers and a map to D (ALBERT, Lan et al. 2020, section 3.1).
 */
export const token = defineEmbedding({
  kind: "token",
  title: "Token embedding",
  cite: { arxiv: "1706.03762", by: "Vaswani et al. 2017" },
  equations: ["x = E[id]  (· √D where scaled)", "x = E[id] P,  E [C, R], P [R, D]  (with a rank)"],
  config: z.strictObject({
    scale: z.enum(["none", "sqrt-width"]).default("none").describe("factor of the looked-up vectors"),
    std: z
      .number()
      .positive()
      .optional()
      .describe("standard deviation of the looked-up vectors at the start; default 0.02, or 1 where scaled"),
    rank: z.int().positive().optional().describe("R, numbers of a vector before a map to the width (default: no map)"),
  }),
  dims: (c, D, C) => ({ D, C, R: c.rank ?? D }),
  params: ({ D, C, R }, { scale, std, rank }) => ({
    table: table(C, R, { kind: "normal", std: scale === "none" ? (std ?? 0.02) : (std ?? 1) / Math.sqrt(D) }),
    ...(rank !== undefined && { project: matrix(R, D) }),
  }),
  table: ({ p }) => (p.project ? value(p.table).matmul(value(p.project)) : value(p.table)),
  forward(ids, { c, d, p }) {
    const looked = embed(ids, p.table);
    const x = p.project ? linear(looked, p.project) : looked;
    return c.scale === "none" ? x : x.mul(Math.sqrt(d.D));
  },
});
