import { iota, type Tensor, where } from "../tensor/index.ts";

/** Real tokens (consecutive in each sequence) moved to the front of columns [C, B, T], and back. */
export interface Alignment {
  /** i32 [B]: real tokens. */
  lengths_B: Tensor;
  /** Real tokens from index 0 on, then zeros. */
  toFront: (x_CBT: Tensor) => Tensor;
  /** Columns so aligned, at the places of the real tokens. */
  toPlace: (y_CBT: Tensor) => Tensor;
}

export function alignLeft(mask_BT: Tensor): Alignment {
  const T = mask_BT.dim(1);
  const counts = mask_BT.cast("i32");
  const lengths_B = counts.sum(-1);
  const before_B1 = counts.cumsum(-1).equal(0).cast("i32").sum(-1, true);
  const slot_BT = iota(T).add(before_B1.mul(0));
  const real = slot_BT.less(lengths_B.unsqueeze(1));
  const pick = (x: Tensor, index_BT: Tensor) => x.gatherElements(-1, index_BT.expand(x.shape));
  return {
    lengths_B,
    toFront: (x) => where(real, pick(x, slot_BT.add(before_B1).minimum(T - 1)), 0),
    toPlace: (y) => pick(y, slot_BT.sub(before_B1).maximum(0)),
  };
}

/** For every sequence, the `count` columns that end at `end_B`; zeros stand before the first. */
export function columnsBefore(x_CBT: Tensor, end_B: Tensor, count: number): Tensor {
  const [C, B] = [x_CBT.dim(0), x_CBT.dim(1)];
  const index_BL = end_B.unsqueeze(1).add(iota(count));
  return x_CBT.pad(-1, count, 0).gatherElements(-1, index_BL.expand([C, B, count]));
}
