/** Stored tensors in the places of parameters, for golden adapters and tests. */
import { concat, type Tensor } from "../../tensor/index.ts";
import type { Io } from "../define.ts";
import type { Weight } from "../weights/use.ts";

export const weightOf = (tensor: Tensor): Weight => ({
  path: "golden",
  declaration: { shape: tensor.shape, init: { kind: "constant", value: 0 }, role: "matrix" },
  tensor,
});

export const goldenIo = (fields: Partial<Io> = {}): Io => ({
  mode: "eval",
  rng: () => {
    throw new Error("nothing here draws");
  },
  ...fields,
});

/** Rows [gates·H, ...] as columns [..., gates·H], the gates in another order. */
export function gateColumns(rows: Tensor, order: readonly number[]): Tensor {
  const size = rows.dim(0) / order.length;
  const columns = concat(0, order.map((gate) => rows.slice(0, gate * size, (gate + 1) * size)));
  return columns.rank === 2 ? columns.transpose([1, 0]) : columns;
}
