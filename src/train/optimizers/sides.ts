import type { Shape } from "../../tensor/index.ts";

/** Shapes of the statistics of rows and columns; none of a vector's columns, of longer axes, and of a scalar. */
export function sidesOf(shape: Shape, largestAxis: number): [left: Shape | undefined, right: Shape | undefined] {
  const lead = shape.slice(0, -2);
  const side = (size: number | undefined) =>
    size !== undefined && size <= largestAxis ? [...lead, size, size] : undefined;
  return shape.length === 1 ? [side(shape[0]), undefined] : [side(shape.at(-2)), side(shape.at(-1))];
}
