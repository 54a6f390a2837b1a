import type { Tensor } from "../tensor/index.ts";
import { type Pullback, unbroadcast } from "./rules.ts";

/** With n = (x − μ)/σ and h = g·gain: dx = (h − mean h − n·mean(h·n)) / σ. */
export function layerNormGrad({ inputs: [x, gain, bias], attrs: { epsilon }, g, needs }: Pullback<"layerNorm">): (Tensor | undefined)[] {
  const centred = x!.sub(x!.mean(-1, true));
  const inverse = centred.square().mean(-1, true).add(epsilon).sqrt().reciprocal();
  const n = centred.mul(inverse);
  const h = g.mul(gain!);
  const dx = () => h.sub(h.mean(-1, true)).sub(n.mul(h.mul(n).mean(-1, true))).mul(inverse);
  return [
    needs[0] ? dx() : undefined,
    needs[1] ? unbroadcast(g.mul(n), gain!.shape) : undefined,
    needs[2] ? unbroadcast(g, bias!.shape) : undefined,
  ];
}

/** With r = 1/rms and h = g·gain: dx = r·h − x·r³·mean(h·x). */
export function rmsNormGrad({ inputs: [x, gain], attrs: { epsilon }, g, needs }: Pullback<"rmsNorm">): (Tensor | undefined)[] {
  const r = x!.square().mean(-1, true).add(epsilon).sqrt().reciprocal();
  const n = x!.mul(r);
  const h = g.mul(gain!);
  const dx = () => h.sub(n.mul(h.mul(n).mean(-1, true))).mul(r);
  return [needs[0] ? dx() : undefined, needs[1] ? unbroadcast(g.mul(n), gain!.shape) : undefined];
}
