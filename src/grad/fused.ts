/** Gradient rules of fused ops: activations, softmax and cross-entropy. */
import { scalar, type Tensor } from "../tensor/index.ts";
import { oneMinus } from "./elementwise.ts";
import type { Pullback } from "./rule.ts";

/** Softmax's Jacobian is diag(p) − p pᵀ. */
export function softmaxGrad({ outputs: [p], attrs: { axis }, g }: Pullback<"softmax">): Tensor[] {
  const weighted = g.mul(p!);
  return [weighted.sub(p!.mul(weighted.sum(axis, true)))];
}

export function geluGrad({ inputs: [x], attrs: { approximate }, g }: Pullback<"gelu">): Tensor[] {
  if (approximate === "none") {
    // With u = x/√2, the density's share is x·φ(x) = u·exp(−u²)/√π: one pass less than from x.
    const u = x!.mul(Math.SQRT1_2);
    const cdf = u.erf().mul(0.5).add(0.5);
    const weighted = u.mul(
      scalar(-0.5 * Math.log(Math.PI))
        .sub(u.square())
        .exp(),
    );
    return [g.mul(cdf.add(weighted))];
  }
  const scale = Math.sqrt(2 / Math.PI);
  const square = x!.square();
  const t = x!.mul(square.mul(0.044715 * scale).add(scale)).tanh();
  const inner = square.mul(3 * 0.044715 * scale).add(scale);
  const slope = t
    .add(1)
    .mul(0.5)
    .add(x!.mul(0.5).mul(oneMinus(t.square())).mul(inner));
  return [g.mul(slope)];
}

/** d logits = p − y, weighted; one scatter onto the softmax. */
export function crossEntropyGrad({
  inputs: [logits, targets],
  g,
}: Pullback<"softmaxCrossEntropy">): (Tensor | undefined)[] {
  const weight = g.unsqueeze(-1);
  const p = logits!.softmax(-1).mul(weight);
  return [p.scatterAdd(1, targets!.unsqueeze(-1), weight.neg()), undefined];
}

/** With s = σ(x) and y = x·s: y' = s·(1 + x − y). */
export function siluGrad({ inputs: [x], outputs: [y], g }: Pullback<"silu">): Tensor[] {
  return [g.mul(x!.sub(y!).add(1).mul(x!.sigmoid()))];
}
