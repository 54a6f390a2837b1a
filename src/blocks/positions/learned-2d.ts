import { z } from "zod";
import { fail, where } from "../../tensor/index.ts";
import { definePosition } from "../define.ts";
import { table } from "../weights/declare.ts";
import { embed } from "../weights/use.ts";
import { gridOptions, gridPlaces } from "./grid-places.ts";

/** A trained row for each row of a grid and one for each column, added to the embeddings: far fewer than one a cell. */
export const learned2d = definePosition({
  kind: "learned-2d",
  title: "Learned positions on a grid",
  cite: { arxiv: "1912.12180", by: "Ho et al. 2019 (axial positions)" },
  equations: ["y_rs = x_rs + R[r] + C[s]", "tokens in front of the grid stay as they are"],
  config: z.strictObject({
    max: z.int().positive().default(64).describe("rows, and columns, that have a place; larger grids are rejected"),
    ...gridOptions,
  }),
  dims: (c, D) => ({ D, max: c.max }),
  params: ({ D, max }) => ({ rows: table(max, D), columns: table(max, D) }),
  limit: (c) => c.front + c.max ** 2,
  embed(x_BTD, positions_BT, { c, p, io }) {
    const [rows, columns] = io.grid ?? [Math.ceil((x_BTD.dim(1) - c.front) / c.columns), c.columns];
    if (Math.max(rows, columns) > c.max)
      fail({
        code: "E_POSITION",
        where: p.rows.path,
        expected: `a grid of at most ${c.max} rows and columns`,
        got: `${rows} × ${columns}`,
        hint: 'Raise "max", or choose "sinusoidal-2d".',
      });
    const { row, column, placed } = gridPlaces(positions_BT, { c, io });
    const places = embed(row, p.rows).add(embed(column, p.columns));
    return x_BTD.add(placed ? where(placed.unsqueeze(-1), places, 0) : places);
  },
});
