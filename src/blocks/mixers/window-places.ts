/** How windows cut a grid of tokens, as plain numbers: shapes are known when a graph is recorded. */

export interface WindowCut {
  /** Cells a side. */
  window: number;
  /** Cells by which windows are moved, cyclically. */
  shift: number;
  /** block: neighbours; grid: cells at equal distances over the whole grid (MaxViT). */
  partition: "block" | "grid";
}

/** Windows one after another, each row by row. */
export interface WindowPlaces {
  windows: number;
  /** The token at each place; `rows · columns` where the grid has none. */
  tokens: readonly number[];
  /** The place of each token. */
  places: readonly number[];
  /** Part of the grid that a place comes from: parts that only the shift brought together do not see each other. */
  regions: readonly number[];
}

/** One axis: for each window and each cell of it, the cell of the grid and whether the shift wrapped it around. */
function cutAxis(size: number, { window, shift, partition }: WindowCut): { cell: number; wrapped: boolean }[][] {
  const windows = Math.ceil(size / window);
  const moved = size <= window ? 0 : shift;
  const total = windows * window;
  return Array.from({ length: windows }, (_, n) =>
    Array.from({ length: window }, (_, i) => {
      if (partition === "grid") return { cell: i * windows + n, wrapped: false };
      const at = n * window + i + moved;
      return { cell: at % total, wrapped: at >= total };
    }),
  );
}

/** The windows of a grid. An axis that one window covers is not shifted. */
export function windowPlaces([rows, columns]: readonly [number, number], cut: WindowCut): WindowPlaces {
  const [down, along] = [cutAxis(rows, cut), cutAxis(columns, cut)];
  const cells = down.flatMap((ys) => along.flatMap((xs) => ys.flatMap((y) => xs.map((x) => ({ y, x })))));
  const none = rows * columns;
  const tokens = cells.map(({ y, x }) => (y.cell < rows && x.cell < columns ? y.cell * columns + x.cell : none));
  const places = new Array<number>(none).fill(0);
  tokens.forEach((token, place) => {
    if (token < none) places[token] = place;
  });
  return {
    windows: down.length * along.length,
    tokens,
    places,
    regions: cells.map(({ y, x }) => 2 * Number(y.wrapped) + Number(x.wrapped)),
  };
}

/** dy and dx, query minus key, of all pairs of places in a window: [w²·w²] each. */
export function windowOffsets(window: number): { dy: number[]; dx: number[] } {
  const cells = Array.from({ length: window * window }, (_, i) => [Math.floor(i / window), i % window] as const);
  const pairs = (axis: 0 | 1) => cells.flatMap((query) => cells.map((key) => query[axis] - key[axis]));
  return { dy: pairs(0), dx: pairs(1) };
}
