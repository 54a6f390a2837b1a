/** Stored tensors in the places of parameters, for golden adapters and tests. */
import { concat, type Tensor } from "../../tensor/index.ts";
import type { GoldenCase } from "../../testing/goldens/index.ts";
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
  const columns = concat(
    0,
    order.map((gate) => rows.slice(0, gate * size, (gate + 1) * size)),
  );
  return columns.rank === 2 ? columns.transpose([1, 0]) : columns;
}

/** ncps' LSTM cell of mixed memory: it adds 1 to the forget gate at every step; here that is part of the bias. */
export function memoryWeights(c: GoldenCase) {
  const order = [1, 2, 3, 0]; // a, i, f, o → i, f, o, a
  const column = (name: string) => gateColumns(c.tensor(`param.lstm.${name}`), order);
  const bias = column("input_map.bias");
  const H = bias.dim(0) / 4;
  const opened = concat(0, [bias.slice(0, 0, H), bias.slice(0, H, 2 * H).add(1), bias.slice(0, 2 * H)]);
  return {
    memoryInput: weightOf(column("input_map.weight")),
    memoryRecurrent: weightOf(column("recurrent_map.weight")),
    memoryBias: weightOf(opened),
  };
}
