import type { Tensor } from "../../tensor/index.ts";

/**
 * c ← σ(f)·c + σ(i)·tanh(g),  h ← σ(o)·tanh(c).
 * The pre-activations [B, 4H] stand in the order i, f, o, g, so that one sigmoid covers the three gates.
 */
export function lstmCell(gates: Tensor, c: Tensor): { h: Tensor; c: Tensor } {
  const H = c.dim(-1);
  const [i, f, o] = gates.slice(-1, 0, 3 * H).sigmoid().split(-1, [H, H, H]);
  const g = gates.slice(-1, 3 * H).tanh();
  const next = f!.mul(c).add(i!.mul(g));
  return { h: o!.mul(next.tanh()), c: next };
}
