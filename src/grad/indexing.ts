/** Gradient rules of ops that move or pick elements. */
import { apply1, iota, type Tensor, zeros } from "../tensor/index.ts";
import { fewRows } from "./late-lookups.ts";
import type { Pullback } from "./rule.ts";

export function sliceGrad({ inputs: [x], attrs: { starts, steps }, g }: Pullback<"slice">): Tensor[] {
  const spread = g.shape.reduce((t, _, axis) => dilate(t, axis, steps[axis]!), g);
  const after = spread.shape.map((dim, axis) => x!.dim(axis) - starts[axis]! - dim);
  const cut = after.reduce((t, room, axis) => (room < 0 ? t.slice(axis, 0, t.dim(axis) + room) : t), spread);
  const pads = { before: starts, after: after.map((room) => Math.max(0, room)), value: 0 };
  return [pads.before.every((n) => n === 0) && pads.after.every((n) => n === 0) ? cut : apply1("pad", [cut], pads)];
}

/** Inserts step − 1 zeros after every element of an axis. */
function dilate(t: Tensor, axis: number, step: number): Tensor {
  if (step === 1) return t;
  const spread = t.unsqueeze(axis + 1).pad(axis + 1, 0, step - 1);
  return spread.reshape(t.shape.map((dim, i) => (i === axis ? dim * step : dim)));
}

export function gatherGrad({
  inputs: [data, indices],
  attrs: { axis },
  g,
}: Pullback<"gather">): (Tensor | undefined)[] {
  if (data!.rank === 2 && axis === 0 && data!.dim(0) <= fewRows) return [rowSums(data!, indices!, g), undefined];
  const before = data!.shape.slice(0, axis);
  const after = data!.shape.slice(axis + 1);
  const count = indices!.size;
  const updates = g.reshape([...before, count, ...after]);
  const spread = indices!.reshape([...before.map(() => 1), count, ...after.map(() => 1)]).expand(updates.shape);
  return [zeros(data!.shape).scatterAdd(axis, spread, updates), undefined];
}

/** Σ of g's rows by the table row that each was looked up from. */
function rowSums(table: Tensor, ids: Tensor, g: Tensor): Tensor {
  const rows = iota(table.dim(0))
    .unsqueeze(1)
    .equal(ids.reshape([1, ids.size]))
    .cast("f32");
  return rows.matmul(g.reshape([ids.size, table.dim(1)]));
}

export function concatGrad({ inputs, attrs: { axis }, g }: Pullback<"concat">): Tensor[] {
  return g.split(
    axis,
    inputs.map((part) => part.dim(axis)),
  );
}

/** Values flow back to where they came from. */
export function topkGrad({
  inputs: [x],
  outputs: [, indices],
  attrs: { axis },
  cotangents: [g],
}: Pullback<"topk">): (Tensor | undefined)[] {
  return [g && zeros(x!.shape).scatterAdd(axis, indices!, g)];
}
