import { reluSquared } from "../../ops/index.ts";
import { gelu, silu, type Tensor } from "../../tensor/index.ts";
import type { Capabilities } from "../define.ts";

/** Elementwise functions of channel mixers, by the name a config gives. */
const functions = {
  gelu: (x: Tensor) => gelu(x),
  "gelu-tanh": (x: Tensor) => gelu(x, "tanh"),
  relu: (x: Tensor) => x.relu(),
  "relu-squared": reluSquared,
  silu,
  sigmoid: (x: Tensor) => x.sigmoid(),
  tanh: (x: Tensor) => x.tanh(),
  identity: (x: Tensor) => x,
};

export type Activation = keyof typeof functions;

/** For zod enums. */
export const activations = Object.keys(functions) as [Activation, ...Activation[]];

export const activate = (name: Activation, x: Tensor): Tensor => functions[name](x);

/** Whether gradients exist everywhere. */
export const smoothnessOf = (name: Activation): Capabilities["smooth"] => (name.startsWith("relu") ? "away from ties" : "everywhere");
