import { scalar, type Tensor } from "../../tensor/index.ts";

interface Decaying {
  p: Tensor;
  g: Tensor;
  scalars: Readonly<Record<string, Tensor>>;
}

/** How weight decay changes what an update sees, by the config's `decay`; see `decayField`. */
const forms: Readonly<Record<string, (at: Decaying) => { p: Tensor; g: Tensor }>> = {
  coupled: ({ p, g, scalars: s }) => ({ p, g: g.add(p.mul(s["weightDecay"]!)) }),
  decoupled: ({ p, g, scalars: s }) => ({ p: p.mul(scalar(1).sub(s["learningRate"]!.mul(s["weightDecay"]!))), g }),
  independent: ({ p, g, scalars: s }) => ({ p: p.mul(scalar(1).sub(s["factor"]!.mul(s["weightDecay"]!))), g }),
};

/** Parameter and gradient after the decay that a form names; as they are for optimizers that decay by themselves. */
export function decayed(at: Decaying, form: unknown): { p: Tensor; g: Tensor } {
  return typeof form === "string" && form in forms ? forms[form]!(at) : { p: at.p, g: at.g };
}
