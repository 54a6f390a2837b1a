import { z } from "zod";
import { reluSquared } from "../../ops/index.ts";
import { gelu, silu, type Tensor } from "../../tensor/index.ts";
import type { Capabilities } from "../define.ts";

/** Elementwise nonlinearities of channel mixers. */
export const activations = {
  gelu: (x) => gelu(x),
  "gelu-tanh": (x) => gelu(x, "tanh"),
  relu: (x) => x.relu(),
  "relu-squared": (x) => reluSquared(x),
  silu: (x) => silu(x),
  sigmoid: (x) => x.sigmoid(),
  tanh: (x) => x.tanh(),
  identity: (x) => x,
} as const satisfies Record<string, (x: Tensor) => Tensor>;

export type ActivationKind = keyof typeof activations;
export const activationSchema = z.enum(Object.keys(activations) as [ActivationKind, ...ActivationKind[]]);

/** ReLU's forms have a corner at 0, in their first or second derivative. */
export const smoothnessOf = (kind: ActivationKind): Capabilities["smooth"] =>
  kind.startsWith("relu") ? "away from ties" : "everywhere";
