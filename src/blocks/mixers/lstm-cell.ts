import type { Tensor } from "../../tensor/index.ts";
import { bias, type Init, matrix } from "../weights/declare.ts";

/**
 * c ← σ(f)·c + σ(i)·tanh(g),  h ← σ(o)·tanh(c).
 * The pre-activations [B, 4H] stand in the order i, f, o, g, so that one sigmoid covers the three gates.
 */
export function lstmCell(gates: Tensor, c: Tensor): { h: Tensor; c: Tensor } {
  const H = c.dim(-1);
  const [i, f, o] = gates
    .slice(-1, 0, 3 * H)
    .sigmoid()
    .split(-1, [H, H, H]);
  const g = gates.slice(-1, 3 * H).tanh();
  const next = f!.mul(c).add(i!.mul(g));
  return { h: o!.mul(next.tanh()), c: next };
}

/**
 * The same where the gates also see the cell (Gers & Schmidhuber 2000): i and f what it was, o what it has become.
 * `peepholes` [3, H] in the order i, f, o.
 */
export function peepholeCell(gates: Tensor, c: Tensor, peepholes: Tensor): { h: Tensor; c: Tensor } {
  const H = c.dim(-1);
  const [i, f, o, g] = gates.split(-1, [H, H, H, H]);
  const seen = (gate: Tensor, cell: Tensor, index: number) => gate.add(cell.mul(peepholes.at(0, index))).sigmoid();
  const next = seen(f!, c, 1)
    .mul(c)
    .add(seen(i!, c, 0).mul(g!.tanh()));
  return { h: seen(o!, next, 2).mul(next.tanh()), c: next };
}

/** Start of a bias [4H] in this order: 0, but for the forget gate. */
export const forgetting = (H: number, value: number): Init => ({
  kind: "values",
  fill: () => Array.from({ length: 4 * H }, (_, i) => (i >= H && i < 2 * H ? value : 0)),
});

/** Parameters of the LSTM cell that liquid networks put before each step (mixed memory). */
export function memoryParams(D: number, H: number) {
  return {
    memoryInput: matrix(D, 4 * H),
    memoryRecurrent: matrix(H, 4 * H),
    memoryBias: bias(4 * H, forgetting(H, 1)),
  };
}
