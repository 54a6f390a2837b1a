/** An image of tokens read between its cells, as loops. */

/** Bilinear reading of tokens [T][D] of a grid row by row at a place in cells; zeros outside. */
export function readBetween(
  tokens: readonly (readonly number[])[],
  [row, column]: readonly [number, number],
  { rows, columns }: { rows: number; columns: number },
): number[] {
  const sum = new Array<number>(tokens[0]!.length).fill(0);
  for (let r = 0; r < rows; r++)
    for (let s = 0; s < columns; s++) {
      const share = Math.max(0, 1 - Math.abs(r - row)) * Math.max(0, 1 - Math.abs(s - column));
      const token = tokens[r * columns + s];
      if (share > 0 && token) for (const [i, value] of token.entries()) sum[i]! += share * value;
    }
  return sum;
}
