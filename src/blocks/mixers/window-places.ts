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

const cellsOf = (side: number) =>
  Array.from({ length: side * side }, (_, i) => [Math.floor(i / side), i % side] as const);

/** Cells that windows of `keys` cells a side reach out before those of queries. */
export const reachBefore = (window: number, keys: number): number => Math.floor((keys - window) / 2);

/** The token at each place of the windows of keys around the windows of queries; `rows · columns` outside the grid. */
export function keyTokens(
  [rows, columns]: readonly [number, number],
  { window, keys }: { window: number; keys: number },
): number[] {
  const corners = (size: number) =>
    Array.from({ length: Math.ceil(size / window) }, (_, n) => n * window - reachBefore(window, keys));
  const places = cellsOf(keys);
  const inside = (y: number, x: number) => y >= 0 && y < rows && x >= 0 && x < columns;
  return corners(rows).flatMap((top) =>
    corners(columns).flatMap((left) =>
      places.map(([y, x]) => (inside(top + y, left + x) ? (top + y) * columns + left + x : rows * columns)),
    ),
  );
}

/** dy and dx, place of the query minus place of the key, each in its own window, of all pairs: [w²·keys²] each. */
export function windowOffsets(window: number, keys: number): { dy: number[]; dx: number[] } {
  const [queries, others] = [cellsOf(window), cellsOf(keys)];
  const pairs = (axis: 0 | 1) => queries.flatMap((query) => others.map((key) => query[axis] - key[axis]));
  return { dy: pairs(0), dx: pairs(1) };
}
