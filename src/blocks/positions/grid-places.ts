/** Where tokens stand on a grid, as position schemes of two dimensions see it. */
import { z } from "zod";
import { type Tensor, where } from "../../tensor/index.ts";
import type { Io } from "../define.ts";

/** Options that they share. */
export const gridOptions = {
  columns: z
    .int()
    .positive()
    .default(8)
    .describe("tokens a row of the grid, where the model is not given the grid's size"),
  front: z
    .int()
    .nonnegative()
    .default(0)
    .describe("tokens in front of the grid's own, which have no place (class token)"),
};

export interface GridPlaces {
  /** i32 in the shape of the positions; 0 for tokens in front. */
  row: Tensor;
  column: Tensor;
  /** bool: whether a token stands on the grid; undefined: all do. */
  placed: Tensor | undefined;
}

/** Positions i32, counted row by row behind the tokens in front, as rows and columns. */
export function gridPlaces(
  positions: Tensor,
  { c, io }: { c: { columns: number; front: number }; io: Pick<Io, "grid"> },
): GridPlaces {
  const columns = io.grid?.[1] ?? c.columns;
  const placed = c.front === 0 ? undefined : positions.greaterEqual(c.front);
  const cell = placed ? where(placed, positions.sub(c.front), 0) : positions;
  const column = cell.mod(columns);
  return { row: cell.sub(column).div(columns), column, placed };
}
