import { z } from "zod";
import { everyCell, type Regrid, repeatCells } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { defineResidual } from "../define.ts";
import { matrix } from "../weights/declare.ts";
import { linear, type Weight } from "../weights/use.ts";

/** The sum behind a rectifier, as in the first ResNet; where the branch has another grid or width, the stream is fitted to it. */
export const rectified = defineResidual({
  kind: "rectified",
  title: "Rectified sum",
  cite: { arxiv: "1512.03385", by: "He et al. 2016, eq. 1 and 2" },
  equations: [
    "y = relu(S(x) + F(x)),  S the identity where shapes agree",
    "else x at the cells that the branch stands at, with zeros for more features (option A) or W_s x (eq. 2)",
  ],
  config: z.strictObject({
    shortcut: z
      .enum(["pad", "map", "none"])
      .default("pad")
      .describe(
        "where the widths differ: zeros for more features (or only the first of fewer), or a learned map; none: relu(F(x)), the plain net",
      ),
  }),
  dims: (_c, D, out = D) => ({ D, O: out }),
  params: ({ D, O }, c) => ({ ...(c.shortcut === "map" && D !== O && { map: matrix(D, O) }) }),
  fits: true,
  forward: (x, y, { c, d, p, reshaped }) =>
    (c.shortcut === "none" ? y : fitted(atCells(x, reshaped), d.O, p.map).add(y)).relu(),
});

/** The stream at the cells of another grid: [B, T, D] → [B, T', D]. */
function atCells(x_BTD: Tensor, reshaped: Regrid | undefined): Tensor {
  if (reshaped === undefined) return x_BTD;
  const { from, grid, stride } = reshaped;
  const [B, T, D] = x_BTD.shape as [number, number, number];
  const cells = x_BTD.pad(1, 0, from[0] * from[1] - T).reshape([B, ...from, D]);
  if (stride > 1) return everyCell(cells, stride).reshape([B, grid[0] * grid[1], D]);
  const image = repeatCells(cells.transpose([0, 3, 1, 2]), 1 / stride);
  return image.transpose([0, 2, 3, 1]).reshape([B, grid[0] * grid[1], D]);
}

function fitted(x: Tensor, width: number, map: Weight | undefined): Tensor {
  if (map) return linear(x, map);
  const [axis, more] = [x.rank - 1, width - x.dim(-1)];
  return more > 0 ? x.pad(axis, 0, more) : more < 0 ? x.slice(axis, 0, width) : x;
}
