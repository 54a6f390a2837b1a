/**
 * Values of `attention` before they are weighed, and its output after. Axes as in `attention.ts`: B batch, T time, D model,
 * H query heads, G key heads, V value width.
 */
import { fail, type Tensor } from "../../tensor/index.ts";
import { activations } from "../channels/activation.ts";
import type { Io } from "../define.ts";
import { bias, gain, matrix, type ParameterDeclaration } from "../weights/declare.ts";
import { linear, value, type Weight } from "../weights/use.ts";
import type { AttentionConfig } from "./attention-config.ts";
import { mergeHeads } from "./attention-heads.ts";
import { rmsHeads } from "./attention-norm.ts";

interface Parameters<T> {
  valueGain?: T;
  valueMix?: T;
  valueMixBias?: T;
  headScale?: T;
  gate?: T;
  gateBias?: T;
  /** [V, F], [F], [F, V] and [V]. */
  headNetUp?: T;
  headNetUpBias?: T;
  headNetDown?: T;
  headNetDownBias?: T;
}
type P = Parameters<Weight>;

interface Sizes {
  D: number;
  H: number;
  G: number;
  V: number;
}

export function outputParams(c: AttentionConfig, { D, H, G, V }: Sizes): Parameters<ParameterDeclaration> {
  return {
    ...(c.valueNorm && { valueGain: gain([G, 1, V]) }),
    ...(c.valueResidual === "learned" && { valueMix: matrix(D, G), valueMixBias: bias(G) }),
    ...(c.headScale && { headScale: gain(H) }),
    ...(c.headNet && headNetParams(V, c.headNet.hidden)),
    ...(c.gate === "feature" && { gate: matrix(D, H * V) }),
    ...(c.gate === "head" && { gate: matrix(D, H), gateBias: bias(H, 10) }),
    ...(c.gate === "output" && { gate: matrix(H * V, H * V) }),
  };
}

const headNetParams = (V: number, hidden: number): Parameters<ParameterDeclaration> => ({
  headNetUp: matrix(V, hidden),
  headNetUpBias: bias(hidden),
  headNetDown: matrix(hidden, V, { init: "residual" }),
  headNetDownBias: bias(V),
});

interface At {
  c: AttentionConfig;
  p: P;
  io: Io;
}

/** Values as keys carry them, and those that this layer hands on. */
export function valuesOf(v_BGTV: Tensor, x_BTD: Tensor, { c, p, io }: At): { carried: Tensor; own: Tensor } {
  const own = c.valueNorm ? rmsHeads(v_BGTV, p.valueGain, c.normEpsilon) : v_BGTV;
  const mixed = c.valueResidual ? mixValues(own, x_BTD, { c, p, io }) : own;
  if (c.laser === undefined) return { carried: mixed, own };
  return { carried: mixed.div(c.laser).tanh().mul(c.laser).exp(), own };
}

/** v·m + v_first·(1 − m), m ½ or from the input. Zhou et al. 2024. */
function mixValues(own: Tensor, x_BTD: Tensor, { c, p, io }: At): Tensor {
  const first = io.handed?.attentionValues_BGTV ?? missing();
  if (c.valueResidual === "half") return own.add(first).mul(0.5);
  const share_BGT1 = linear(x_BTD, p.valueMix!, p.valueMixBias).sigmoid().swap(1, 2).unsqueeze(-1);
  return first.add(own.sub(first).mul(share_BGT1));
}

function missing(): never {
  return fail({
    code: "E_HANDED",
    where: "attention.valueResidual",
    expected: "an earlier attention layer without valueResidual, whose values are handed on",
    got: "none",
    hint: "Leave valueResidual out of the first attention layer.",
  });
}

/** Below the smallest sum of exponentials that the soft clamp allows: only a query without keys comes here. */
const smallest = 1e-20;

/** What the heads gathered [B, H, T, V], scaled and gated, heads side by side: [B, T, H·V]. */
export function gatherHeads(y_BHTV: Tensor, x_BTD: Tensor, { c, p }: Omit<At, "io">): Tensor {
  const plain = c.laser === undefined ? y_BHTV : y_BHTV.maximum(smallest).log();
  const refined = throughHeadNet(plain, { c, p });
  const scaled = p.headScale ? refined.mul(value(p.headScale).reshape([-1, 1, 1])) : refined;
  const activate = activations[c.gateActivation ?? "sigmoid"];
  if (c.gate === "head") {
    const gate_BHT1 = activate(linear(x_BTD, p.gate!, p.gateBias))
      .swap(1, 2)
      .unsqueeze(-1);
    return mergeHeads(scaled.mul(gate_BHT1));
  }
  const merged = mergeHeads(scaled);
  return c.gate ? merged.mul(activate(linear(c.gate === "output" ? merged : x_BTD, p.gate!))) : merged;
}

/** h + W₂ φ(W₁ h + b₁) + b₂ of each head's output. Zheng et al. 2023 (arXiv 2310.14921). */
function throughHeadNet(h_BHTV: Tensor, { c, p }: Pick<At, "c" | "p">): Tensor {
  if (!c.headNet) return h_BHTV;
  const hidden = activations[c.headNet.activation](linear(h_BHTV, p.headNetUp!, p.headNetUpBias));
  return h_BHTV.add(linear(hidden, p.headNetDown!, p.headNetDownBias));
}
