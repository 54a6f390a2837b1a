import type { Tensor } from "../tensor/index.ts";

/** True whatever the values are, though no engine can know that before it has them; [1]. So what it gates is computed behind them. */
export function gateOf(values: readonly Tensor[]): Tensor {
  const open = values.map((t) => {
    const first = t.reshape([-1]).slice(0, 0, 1);
    return first.isNaN().or(first.equal(first));
  });
  return open.reduce((all, one) => all.and(one));
}

/** A tensor behind a gate, its bits unchanged: times 1, plus 0, and true. */
export function gated(t: Tensor, gate: Tensor): Tensor {
  if (t.dtype === "bool") return t.and(gate).reshape(t.shape);
  if (t.dtype === "f32") return t.mul(gate.cast("f32")).reshape(t.shape);
  return t.add(gate.not().cast(t.dtype)).reshape(t.shape);
}
