/**
 * One step of sLSTM (Beck et al. 2024, eq. 8–18), head by head. c and n are stored divided by eᵐ,
 * m_t = max(log f_t + m_{t−1}, log i_t); as h does not change with the choice of m, m carries no gradient.
 * Axes: H heads, B batch, K head width; states [H, B, K].
 */
import { constant, type Tensor } from "../../tensor/index.ts";

export interface SlstmState {
  readonly h: Tensor;
  readonly c: Tensor;
  readonly n: Tensor;
  readonly m: Tensor;
}

/** m before the first token: so low that the first step starts afresh at m = log i, whatever the input gate. */
export const emptyStabiliser = -1e30;

/** Pre-activations [H, B, 4K] in the order i, −f (f where `exponential`), o, z. */
export function slstmCell(gates: Tensor, s: SlstmState, forgetGate: "sigmoid" | "exponential"): SlstmState {
  const K = s.h.dim(-1);
  const [i, f, o, z] = gates.split(-1, [K, K, K, K]) as [Tensor, Tensor, Tensor, Tensor];
  const kept = forgetGate === "sigmoid" ? s.m.sub(f.softplus()) : s.m.add(f);
  const m = kept.maximum(i).stopGradient();
  const write = i.sub(m).exp();
  const keep = kept.sub(m).exp();
  const c = keep.mul(s.c).add(write.mul(z.tanh()));
  const n = keep.mul(s.n).add(write);
  return { h: o.sigmoid().mul(c).div(n), c, n, m };
}

/** log σ(f) = −softplus(−f): the sign is put into the weights [..., 4K], which spares every step two negations. */
export function signedGates(w: Tensor, forgetGate: "sigmoid" | "exponential"): Tensor {
  if (forgetGate === "exponential") return w;
  const K = w.dim(-1) / 4;
  return w.mul(
    constant(
      Array.from({ length: 4 * K }, (_, i) => (Math.floor(i / K) === 1 ? -1 : 1)),
      [4 * K],
    ),
  );
}
