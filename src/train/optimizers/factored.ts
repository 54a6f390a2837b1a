import type { Shape, Tensor } from "../../tensor/index.ts";

/** Slots of a second moment kept as row and column means where there are two axes, else whole. */
export function factoredSlots(shape: Shape): { rows: Shape; columns: Shape } | { v: Shape } {
  if (shape.length < 2) return { v: shape };
  return { rows: [...shape.slice(0, -1), 1], columns: [...shape.slice(0, -2), 1, shape.at(-1)!] };
}

/** Row and column means of the last two axes moved towards those of x: s ← s + share·(mean − s). */
export function factoredMeans(
  x: Tensor,
  slots: { rows: Tensor; columns: Tensor },
  share: Tensor | number,
): { rows: Tensor; columns: Tensor } {
  const towards = (slot: Tensor, axis: number) => slot.add(x.mean(axis, true).sub(slot).mul(share));
  return { rows: towards(slots.rows, -1), columns: towards(slots.columns, -2) };
}

/** rows·columns / max(mean of rows, least): the rank-1 matrix with those means. */
export const rankOne = ({ rows, columns }: { rows: Tensor; columns: Tensor }, least: number): Tensor =>
  rows.mul(columns).div(rows.mean(-2, true).maximum(least));
