import { z } from "zod";
import { defineEmbedding } from "../define.ts";
import { table } from "../weights/declare.ts";
import { embed } from "../weights/use.ts";

/** A learned vector per id; `sqrt-width` multiplies it by √D, the table then starting at 1/√D (Vaswani et al. 2017, section 3.4). */
export const token = defineEmbedding({
  kind: "token",
  title: "Token embedding",
  cite: { arxiv: "1706.03762", by: "Vaswani et al. 2017" },
  equations: ["x = E[id]  (· √D where scaled)"],
  config: z.strictObject({
    scale: z.enum(["none", "sqrt-width"]).default("none").describe("factor of the looked-up vectors"),
    std: z
      .number()
      .positive()
      .optional()
      .describe("standard deviation of the looked-up vectors at the start; default 0.02, or 1 where scaled"),
  }),
  dims: (_c, D, C) => ({ D, C }),
  params: ({ D, C }, { scale, std }) => ({
    table: table(C, D, { kind: "normal", std: scale === "none" ? (std ?? 0.02) : (std ?? 1) / Math.sqrt(D) }),
  }),
  forward(ids, { c, d, p }) {
    const x = embed(ids, p.table);
    return c.scale === "none" ? x : x.mul(Math.sqrt(d.D));
  },
});
