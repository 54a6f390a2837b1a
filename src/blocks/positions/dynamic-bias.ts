import { z } from "zod";
import { constant, layerNorm, silu, type Tensor, where } from "../../tensor/index.ts";
import { definePosition } from "../define.ts";
import { bias, gain, matrix, type ParameterDeclaration } from "../weights/declare.ts";
import { linear, value, type Weight } from "../weights/use.ts";

const config = z.strictObject({
  hidden: z.int().positive().default(16).describe("width of the network"),
  depth: z.int().positive().default(2).describe("hidden layers"),
  log: z.boolean().default(false).describe("the network reads the distance's logarithm, with its sign"),
  norm: z.boolean().default(false).describe("layer norm before each nonlinearity"),
});

/** A small network of the distance gives every head its bias, so that any distance has one. */
export const dynamicBias = definePosition({
  kind: "dynamic-bias",
  title: "Dynamic position bias",
  cite: { arxiv: "2108.00154", by: "Wang et al. 2021 (CrossFormer)" },
  equations: ["score_ij += MLP(i − j)_h", "MLP: Linear, [LayerNorm], SiLU, repeated, then Linear to one number a head"],
  config,
  dims: (c, _width: number, heads = 1) => ({ M: c.hidden, H: heads }),
  params({ M, H }, c) {
    const all: Record<string, ParameterDeclaration> = {};
    for (let i = 0; i < c.depth; i++) {
      all[`map${i}`] = matrix(i === 0 ? 1 : M, M);
      all[`offset${i}`] = bias(M);
      if (c.norm) all[`gain${i}`] = gain(M);
      if (c.norm && i > 0) all[`normOffset${i}`] = bias(M);
    }
    return { ...all, out: matrix(M, H), outOffset: bias(H) };
  },
  bias({ c, p, queries_BT, keys_BS }) {
    const distance = queries_BT.unsqueeze(-1).sub(keys_BS.unsqueeze(-2)).cast("f32");
    const logarithm = where(distance.less(0), -1, 1).mul(distance.abs().add(1).log());
    const weights: Readonly<Record<string, Weight>> = p;
    let x_BTSM = (c.log ? logarithm : distance).unsqueeze(-1);
    for (let i = 0; i < c.depth; i++) {
      const mapped = linear(x_BTSM, weights[`map${i}`]!, weights[`offset${i}`]);
      x_BTSM = silu(c.norm ? normed(mapped, weights[`gain${i}`]!, weights[`normOffset${i}`]) : mapped);
    }
    return linear(x_BTSM, p.out, p.outOffset).transpose([0, 3, 1, 2]);
  },
});

function normed(x: Tensor, gained: Weight, offset: Weight | undefined): Tensor {
  const M = x.dim(-1);
  return layerNorm(x, value(gained), offset ? value(offset) : constant(new Float64Array(M), [M]), 1e-5);
}
