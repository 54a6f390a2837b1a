import { z } from "zod";
import { normalize } from "../../ops/index.ts";
import { fail } from "../../tensor/index.ts";
import { definePosition } from "../define.ts";
import { table } from "../weights/declare.ts";
import { embed } from "../weights/use.ts";

/** A trained row per position, added to the embeddings; positions from `max` on do not exist. */
export const learned = definePosition({
  kind: "learned",
  title: "Learned positions",
  cite: { arxiv: "1705.03122", by: "Gehring et al. 2017" },
  equations: ["y_t = x_t + P[t],  P: max × D  (or P[t] / |P[t]|)"],
  config: z.strictObject({
    max: z.int().positive().default(1024).describe("number of positions; longer sequences are rejected"),
    unit: z.boolean().optional().describe("rows are brought to length 1 as they are read (default: taken as they are)"),
  }),
  dims: (c, D) => ({ D, positions: c.max }),
  params: ({ D, positions }) => ({ table: table(positions, D) }),
  limit: (c) => c.max,
  embed(x_BTD, positions_BT, { c, p }) {
    if (x_BTD.dim(1) > c.max)
      fail({
        code: "E_POSITION",
        where: p.table.path,
        expected: `at most ${c.max} tokens, one for each learned position`,
        got: `${x_BTD.dim(1)}`,
        hint: 'Raise "max", or choose positions without a limit: rope, alibi, sinusoidal.',
      });
    const rows = embed(positions_BT, p.table);
    return x_BTD.add(c.unit ? normalize(rows) : rows);
  },
});
