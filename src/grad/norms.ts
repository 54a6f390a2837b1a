import type { Tensor } from "../tensor/index.ts";
import { unbroadcast } from "./elementwise.ts";
import type { Pullback } from "./rule.ts";

/** Σ over the last axis of x·gain [..., 1]; a product where the gain spans just that axis, which saves a pass. */
function weightedSum(x: Tensor, gain: Tensor): Tensor {
  return gain.rank === 1 && x.rank > 1 ? x.matmul(gain.unsqueeze(1)) : x.mul(gain).sum(-1, true);
}

/** With n = (x − μ)/σ and h = g·gain: dx = (h − mean h − n·mean(h·n)) / σ. */
export function layerNormGrad({
  inputs: [x, gain, bias],
  attrs: { epsilon },
  g,
  needs,
}: Pullback<"layerNorm">): (Tensor | undefined)[] {
  const width = x!.dim(-1);
  const centred = x!.sub(x!.mean(-1, true));
  const inverse = centred.square().mean(-1, true).add(epsilon).sqrt().reciprocal();
  const n = centred.mul(inverse);
  const gn = g.mul(n);
  const dx = () => {
    const offset = weightedSum(g, gain!).div(width);
    const slope = weightedSum(gn, gain!).div(width);
    return g.mul(gain!).sub(offset).sub(n.mul(slope)).mul(inverse);
  };
  return [
    needs[0] ? dx() : undefined,
    needs[1] ? unbroadcast(gn, gain!.shape) : undefined,
    needs[2] ? unbroadcast(g, bias!.shape) : undefined,
  ];
}

/** With r = 1/rms and h = g·gain: dx = r·h − x·r³·mean(h·x). */
export function rmsNormGrad({
  inputs: [x, gain],
  attrs: { epsilon },
  g,
  needs,
}: Pullback<"rmsNorm">): (Tensor | undefined)[] {
  const r = x!.square().mean(-1, true).add(epsilon).sqrt().reciprocal();
  const gx = g.mul(x!);
  const dx = () => {
    const slope = weightedSum(gx, gain!).mul(r.pow(3)).div(x!.dim(-1));
    return g.mul(gain!).mul(r).sub(x!.mul(slope));
  };
  return [needs[0] ? dx() : undefined, needs[1] ? unbroadcast(gx.mul(r), gain!.shape) : undefined];
}
