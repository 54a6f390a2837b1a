/** Naive windows over a grid of tokens, as loops over cells. */

type Cells = readonly (readonly number[])[];
export type Kernel = readonly (readonly Cells[])[];

export interface NaiveWindows {
  rows: number;
  columns: number;
  stride?: number;
}

const range = (length: number): number[] => Array.from({ length }, (_, i) => i);

/** Windows around every `stride`-th cell: what lies `kernel` cells a side around it, by tap, undefined outside the tokens. */
export function windowsOf<T>(
  tokens: readonly T[],
  { kernel, dilation = 1, rows, columns, stride = 1 }: NaiveWindows & { kernel: number; dilation?: number },
): (T | undefined)[][][] {
  const reach = dilation * (kernel - 1) + 1;
  const before = Math.max(0, Math.ceil((reach - stride) / 2));
  const cell = (r: number, s: number) =>
    r < 0 || r >= rows || s < 0 || s >= columns ? undefined : tokens[r * columns + s];
  const places = (size: number) => range(Math.ceil(size / stride)).map((i) => i * stride - before);
  return places(rows).flatMap((top) =>
    places(columns).map((left) =>
      range(kernel).map((i) => range(kernel).map((j) => cell(top + i * dilation, left + j * dilation))),
    ),
  );
}

/** Σ over the window and the features of an output's group: tokens [T][I], kernel [O][I/groups][k][k] → [T'][O]. */
export function convolveCells(
  tokens: Cells,
  kernel: Kernel,
  {
    groups = 1,
    bias,
    ...grid
  }: NaiveWindows & { dilation?: number; groups?: number; bias?: readonly number[] | undefined },
): number[][] {
  const part = kernel[0]!.length;
  const outPart = kernel.length / groups;
  return windowsOf(tokens, { ...grid, kernel: kernel[0]![0]!.length }).map((window) =>
    kernel.map((taps, o) => {
      const first = Math.floor(o / outPart) * part;
      let sum = bias?.[o] ?? 0;
      for (const [i, plane] of taps.entries())
        for (const [r, row] of plane.entries())
          for (const [s, weight] of row.entries()) sum += weight * (window[r]![s]?.[first + i] ?? 0);
      return sum;
    }),
  );
}
