import { type ActivationKind, activations } from "../../blocks/channels/activation.ts";
import { mlp } from "../../blocks/channels/mlp.ts";
import { swiglu } from "../../blocks/channels/swiglu.ts";
import { layernorm } from "../../blocks/norms/layernorm.ts";
import { rmsnorm } from "../../blocks/norms/rmsnorm.ts";
import { fail, type Tensor } from "../../tensor/index.ts";
import { type StoredLinear, storedIo, storedWeight } from "./attention-of.fixture.ts";
import type { GoldenCase } from "./golden-case.ts";

export type Sublayer = (x: Tensor) => Tensor;

/** Sources' names of nonlinearities. */
const activationNames: Readonly<Record<string, ActivationKind>> = {
  gelu: "gelu",
  gelu_new: "gelu-tanh",
  gelu_pytorch_tanh: "gelu-tanh",
  relu: "relu",
  relu2: "relu-squared",
  silu: "silu",
  swish: "silu",
};

export function activationOf(name: string): ActivationKind {
  return (
    activationNames[name] ??
    fail({ code: "E_GOLDEN", where: "activation", expected: Object.keys(activations).join(", "), got: name })
  );
}

/** A map [out, in] and its bias, by the name of the module. */
export const linearOf = (c: GoldenCase, name: string): StoredLinear => ({
  weight: c.tensor(`param.${name}.weight`),
  bias: c.maybe(`param.${name}.bias`),
});

/** Equal parts of a map's outputs. */
export function partsOf({ weight, bias }: StoredLinear, sizes: readonly number[]): StoredLinear[] {
  const offsets = bias?.split(0, sizes);
  return weight.split(0, sizes).map((part, i) => ({ weight: part, bias: offsets?.[i] }));
}

const weights = (maps: Readonly<Record<string, StoredLinear>>) =>
  Object.fromEntries(
    Object.entries(maps).flatMap(([name, { weight, bias }]) => [
      [name, storedWeight(weight.transpose([1, 0]))],
      ...(bias ? [[`${name}Bias`, storedWeight(bias)]] : []),
    ]),
  );

const at = <D, P>(c: unknown, d: D, p: unknown) => ({ c: c as never, d, p: p as P, b: {}, io: storedIo() });

export function plainChannel(
  { up, down }: { up: StoredLinear; down: StoredLinear },
  activation: ActivationKind,
): Sublayer {
  const c = mlp.config.parse({ activation, bias: up.bias !== undefined });
  const d = { D: down.weight.dim(0), F: up.weight.dim(0) };
  return (x) => mlp.forward(x, at(c, d, weights({ up, down }))).y;
}

export function gatedChannel(
  maps: { gate: StoredLinear; up: StoredLinear; down: StoredLinear },
  activation: ActivationKind,
): Sublayer {
  const c = swiglu.config.parse({ activation, bias: maps.up.bias !== undefined });
  const d = { D: maps.down.weight.dim(0), F: maps.up.weight.dim(0) };
  return (x) => swiglu.forward(x, at(c, d, weights(maps))).y;
}

/** Norms of sources: RMS or layer norm, the stored gain taken as it is or plus one, or none stored. */
export type NormKind = "rms" | "rms-plus-one" | "layer" | "layer-plus-one";

export function normOf(c: GoldenCase, name: string, { kind, epsilon }: { kind: NormKind; epsilon: number }): Sublayer {
  const stored = c.maybe(`param.${name}.weight`);
  const gain = stored && (kind.endsWith("plus-one") ? stored.add(1) : stored);
  return storedNorm(
    { gain, bias: c.maybe(`param.${name}.bias`) },
    { kind: kind.startsWith("rms") ? "rms" : "layer", epsilon },
  );
}

/** Our norm with a source's gain and bias. */
export function storedNorm(
  { gain, bias }: { gain?: Tensor | undefined; bias?: Tensor | undefined },
  { kind, epsilon }: { kind: "rms" | "layer"; epsilon: number },
): Sublayer {
  const p = { ...(gain && { gain: storedWeight(gain) }), ...(bias && { bias: storedWeight(bias) }) };
  const component = kind === "rms" ? rmsnorm : layernorm;
  const config = component.config.parse({
    epsilon,
    ...(kind === "layer" && { gain: gain !== undefined, bias: bias !== undefined }),
  });
  return (x) => component.forward(x, at(config, { D: x.dim(-1) }, p)).y;
}
