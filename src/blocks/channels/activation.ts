import { z } from "zod";
import { elu, hardSigmoid, hardSwish, leakyRelu, mish, relu6, reluSquared, selu, softSign } from "../../ops/index.ts";
import { gelu, silu, type Tensor } from "../../tensor/index.ts";
import type { Capabilities } from "../define.ts";

/** Elementwise nonlinearities of channel mixers. */
export const activations = {
  gelu: (x) => gelu(x),
  "gelu-tanh": (x) => gelu(x, "tanh"),
  "gelu-sigmoid": (x) => x.mul(x.mul(1.702).sigmoid()),
  relu: (x) => x.relu(),
  "relu-squared": (x) => reluSquared(x),
  "leaky-relu": (x) => leakyRelu(x),
  relu6: (x) => relu6(x),
  elu: (x) => elu(x),
  selu: (x) => selu(x),
  silu: (x) => silu(x),
  mish: (x) => mish(x),
  softplus: (x) => x.softplus(),
  softsign: (x) => softSign(x),
  "hard-sigmoid": (x) => hardSigmoid(x),
  "hard-swish": (x) => hardSwish(x),
  "hard-tanh": (x) => x.maximum(-1).minimum(1),
  sigmoid: (x) => x.sigmoid(),
  tanh: (x) => x.tanh(),
  identity: (x) => x,
} as const satisfies Record<string, (x: Tensor) => Tensor>;

export type ActivationKind = keyof typeof activations;
export const activationKinds = Object.keys(activations) as [ActivationKind, ...ActivationKind[]];
export const activationSchema = z.enum(activationKinds);

const smooth: ReadonlySet<string> = new Set([
  "gelu",
  "gelu-tanh",
  "gelu-sigmoid",
  "silu",
  "mish",
  "softplus",
  "sigmoid",
  "tanh",
  "identity",
] satisfies ActivationKind[]);

/** The others have a corner in their value or in a derivative. */
export const smoothnessOf = (kind: ActivationKind): Capabilities["smooth"] =>
  smooth.has(kind) ? "everywhere" : "away from ties";
