import { z } from "zod";
import { layerNorm, ones, rmsNorm, silu, type Tensor, zeros } from "../../tensor/index.ts";
import { defineNorm } from "../define.ts";
import { bias, matrix, vector } from "../weights/declare.ts";
import { linear, value } from "../weights/use.ts";
import { conditionOf } from "./condition.ts";

/**
 * A norm whose gain, and offset where asked, come from the condition: (1 + γ(c)) ⊙ N(x) + β(c). Maps start at 0, so that
 * at first it is the plain norm. `shared`: no map of its own, the condition begins with [γ, β] of a net that all blocks
 * share, and each has a factor and an offset of them (E-MMDiT).
 */
export const adaptiveNorm = defineNorm({
  kind: "adaptive-norm",
  title: "Adaptive norm",
  cite: { arxiv: "2212.09748", by: "Peebles & Xie 2023 (adaLN); of a shared net: E-MMDiT 2025" },
  equations: ["y = (1 + γ) ⊙ N(x) + β,  (γ, β) = silu(c) W + b   (shared: c ⊙ (1 + s) + b)"],
  config: z.strictObject({
    norm: z.enum(["layer", "rms"]).default("layer").describe("N: LayerNorm or RMSNorm, without parameters"),
    condition: z.int().positive().default(64).describe("width of the condition"),
    shift: z.boolean().default(true).describe("whether there is an offset β"),
    from: z
      .enum(["silu", "linear", "shared"])
      .default("silu")
      .describe("how γ and β come from the condition: a map of its silu (DiT), a plain map without offset, or shared"),
    epsilon: z.number().positive().default(1e-5).describe("added to the variance or mean square"),
  }),
  dims: (c, D) => ({ D, C: c.condition, M: D * (c.shift ? 2 : 1) }),
  params: ({ C, M }, c) => ({
    ...(c.from === "shared" && { factor: vector(M) }),
    ...(c.from !== "shared" && { map: matrix(C, M, { init: "zeros" }) }),
    ...(c.from !== "linear" && { mapBias: bias(M) }),
  }),
  reads: ["cond_BTD"],
  forward(x, { c, d: { D, C, M }, p, io }) {
    const width = c.from === "shared" ? undefined : C;
    const condition = conditionOf(io, { rank: x.rank, where: "adaptive-norm", width });
    const modulation = p.map
      ? linear(c.from === "silu" ? silu(condition) : condition, p.map, p.mapBias)
      : condition.slice(-1, 0, M).mul(value(p.factor!).add(1)).add(value(p.mapBias!));
    const normal = c.norm === "rms" ? rmsNorm(x, ones([D]), c.epsilon) : layerNorm(x, ones([D]), zeros([D]), c.epsilon);
    return { y: modulated(normal, modulation, D) };
  },
});

/** (1 + γ) ⊙ x + β, from [..., γ] or [..., γ, β]. */
function modulated(x: Tensor, modulation: Tensor, width: number): Tensor {
  const scaled = x.mul(modulation.slice(-1, 0, width).add(1));
  return modulation.dim(-1) === width ? scaled : scaled.add(modulation.slice(-1, width));
}
