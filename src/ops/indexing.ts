/** Selecting and placing elements by index tensors, composed of the vocabulary. */
import { concat, iota, ones, type Tensor, where, zeros } from "../tensor/index.ts";

/** A new last axis of length `classes`, 1 at the id. */
export const oneHot = (ids: Tensor, classes: number): Tensor => where(ids.unsqueeze(-1).equal(iota(classes)), 1, 0);

/** How often each of 0 … length − 1 occurs. */
export const bincount = (ids: Tensor, length: number): Tensor =>
  zeros([length]).scatterAdd(0, ids.reshape([-1]), ones([ids.size]));

/** Rows of a table; `paddingIndex` gets no gradient, and with `byFrequency` a row's gradient is divided by its count. */
export function embed(
  table: Tensor,
  ids: Tensor,
  { paddingIndex, byFrequency = false }: { paddingIndex?: number; byFrequency?: boolean } = {},
): Tensor {
  const frozen = table.stopGradient();
  const padding = iota(table.dim(0))
    .unsqueeze(1)
    .equal(paddingIndex ?? -1);
  const rows = (paddingIndex === undefined ? table : where(padding, frozen, table)).gather(0, ids);
  if (!byFrequency) return rows;
  const counts = bincount(ids, table.dim(0)).gather(0, ids).unsqueeze(-1);
  return frozen.gather(0, ids).add(rows.sub(rows.stopGradient()).div(counts));
}

/** Where any index points, along an axis. */
const hits = (x: Tensor, axis: number, index: Tensor): Tensor =>
  zeros(x.shape).scatterAdd(axis, index, ones(index.shape)).greater(0);

/** x with elements replaced by `source` at distinct indices along an axis. */
export const scatterInto = (x: Tensor, axis: number, index: Tensor, source: Tensor): Tensor =>
  where(hits(x, axis, index), 0, x).scatterAdd(axis, index, source);

/** Mean of x and of all sources that share its place. */
export function scatterMean(x: Tensor, axis: number, index: Tensor, source: Tensor): Tensor {
  const counts = ones(x.shape).scatterAdd(axis, index, ones(index.shape));
  return x.scatterAdd(axis, index, source).div(counts);
}

/** Reduces x together with the sources that share its place: [sources and x, places] with `neutral` elsewhere. */
export function scatterReduce(x: Tensor, index: Tensor, source: Tensor, how: "prod" | "max" | "min"): Tensor {
  const neutral = { prod: 1, max: Number.NEGATIVE_INFINITY, min: Number.POSITIVE_INFINITY }[how];
  const spread = where(index.unsqueeze(-1).equal(iota(x.dim(-1))), source.unsqueeze(-1), neutral);
  const all = concat(-2, [spread, x.unsqueeze(-2)]);
  return how === "prod" ? all.prod(-2) : how === "max" ? all.max(-2) : all.min(-2);
}

/** x with source slices, times alpha, added at indices along an axis; repeats add up. */
export function indexAdd(x: Tensor, axis: number, index: Tensor, source: Tensor): Tensor {
  const spread = index.reshape(x.shape.map((_, i) => (i === x.axis(axis) ? index.size : 1))).expand(source.shape);
  return x.scatterAdd(axis, spread, source);
}

/** x[i, j, …] for index tensors of the first two axes. */
export const gatherPairs = (x: Tensor, i: Tensor, j: Tensor): Tensor => flatPairs(x).gather(0, i.mul(x.dim(1)).add(j));

/** x with x[i, j, …] = source, or += source, for index vectors of the first two axes. */
export function putPairs(
  x: Tensor,
  { i, j, source, accumulate = false }: { i: Tensor; j: Tensor; source: Tensor; accumulate?: boolean },
): Tensor {
  const flat = flatPairs(x);
  const rows = i.mul(x.dim(1)).add(j);
  const index = rows.reshape([rows.size, ...flat.shape.slice(1).map(() => 1)]).expand(source.shape);
  return (accumulate ? flat.scatterAdd(0, index, source) : scatterInto(flat, 0, index, source)).reshape(x.shape);
}

const flatPairs = (x: Tensor): Tensor => x.reshape([x.dim(0) * x.dim(1), ...x.shape.slice(2)]);

/** Number of sorted edges below x: the first edge ≥ x, or with `right` the first > x. */
export function searchSorted(edges: Tensor, x: Tensor, { right = false } = {}): Tensor {
  const value = x.unsqueeze(-1);
  return (right ? edges.lessEqual(value) : edges.less(value)).cast("i32").sum(-1);
}
