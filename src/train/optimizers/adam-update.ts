import type { Tensor } from "../../tensor/index.ts";
import type { UpdateContext } from "./define.ts";
import { adamDivisor, moments } from "./moments.ts";

interface AdamConfig {
  beta1: number;
  beta2: number;
  epsilon: number;
  amsgrad: boolean;
}
type AdamSlot = "m" | "v" | "largest";

export const adamSlots = ({ amsgrad }: AdamConfig): AdamSlot[] => (amsgrad ? ["m", "v", "largest"] : ["m", "v"]);

/** p ← p − rate·m̂ / (√v̂ + ε) (Kingma & Ba 2015, algorithm 1); amsgrad takes the largest v so far (Reddi et al. 2018). */
export function adamUpdate({
  p,
  g,
  slots,
  scalars,
  c,
}: UpdateContext<AdamConfig, AdamSlot, "unbias1" | "unbias2Root">) {
  const { m, v } = moments(g, slots, c);
  const largest = c.amsgrad ? slots.largest.maximum(v) : v;
  const step = m.mul(scalars.learningRate.mul(scalars.unbias1)).div(adamDivisor(largest, scalars, c.epsilon));
  const next: { m: Tensor; v: Tensor; largest?: Tensor } = { m, v, ...(c.amsgrad && { largest }) };
  return { p: p.sub(step), slots: next };
}
