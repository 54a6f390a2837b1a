import { z } from "zod";
import { gelu, silu, type Tensor } from "../../tensor/index.ts";

/** Elementwise nonlinearities of channel mixers. */
export const activations = {
  gelu: (x) => gelu(x),
  "gelu-tanh": (x) => gelu(x, "tanh"),
  relu: (x) => x.relu(),
  "relu-squared": (x) => x.relu().square(),
  silu: (x) => silu(x),
  sigmoid: (x) => x.sigmoid(),
  tanh: (x) => x.tanh(),
  identity: (x) => x,
} as const satisfies Record<string, (x: Tensor) => Tensor>;

export type ActivationKind = keyof typeof activations;
export const activationSchema = z.enum(Object.keys(activations) as [ActivationKind, ...ActivationKind[]]);
