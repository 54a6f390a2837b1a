/**
 * YOSO ("you only sample almost once"), in expectation: a key counts by the probability that random hyperplanes hash it as the query.
 * Axes: B batch, T time, D model, H heads of K features.
 */
import { z } from "zod";
import { straightThrough } from "../../ops/index.ts";
import { apply1, type Tensor } from "../../tensor/index.ts";
import { defineMixer } from "../define.ts";
import { headsOfWidth } from "../fields.ts";
import { bias, matrix, tensor } from "../weights/declare.ts";
import { linear } from "../weights/use.ts";
import { mergeHeads, splitHeads } from "./attention-heads.ts";
import { kernelInit } from "./mamba-init.ts";
import { convolved } from "./nystrom-attention.ts";
import { realTokens } from "./token-mlp.ts";

const config = z.strictObject({
  heads: headsOfWidth(),
  bits: z.int().positive().default(8).describe("hyperplanes of a hash: the more, the sharper"),
  kernel: z
    .int()
    .positive()
    .refine((taps) => taps % 2 === 1, "an odd number")
    .optional()
    .describe("odd number of taps of a convolution of the values that is added (default: none)"),
  gradient: z
    .enum(["bound", "exact"])
    .default("bound")
    .describe(
      "of the probability p: the paper's lower bound bits·p/2, or the derivative, which is unbounded at equal vectors",
    ),
  bias: z.boolean().default(false).describe("offsets of queries, keys and values"),
  outBias: z.boolean().default(false).describe("offset on the output"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.heads, K: D / c.heads });

export const yoso = defineMixer({
  kind: "yoso",
  title: "Bernoulli-sampling attention (YOSO)",
  cite: { arxiv: "2111.09714", by: "Zeng et al. 2021" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "p_ts = (1 − arccos(q̂_t·k̂_s) / π)^bits,  q̂, k̂ of unit length",
    "o_t = Σ_s p_ts v_s;  y_t = o_t / |o_t| + conv(v)_t   (per head)",
    "gradient of p by q̂·k̂: (bits / 2)·p, a lower bound",
  ],
  config,
  dims,
  params: ({ D, H }, c) => ({
    qkv: matrix(D, 3 * D),
    ...(c.bias && { qkvBias: bias(3 * D) }),
    ...(c.kernel !== undefined && { kernel: tensor([H, c.kernel], kernelInit(c.kernel)) }),
    out: matrix(D, D, { init: "residual" }),
    ...(c.outBias && { outBias: bias(D) }),
  }),
  reads: ["mask_BT"],
  capabilities: ({ gradient }) => ({
    flow: "bidirectional",
    state: "none",
    length: "any",
    batch: "independent",
    smooth: gradient === "bound" ? "surrogate" : "away from ties",
    exact: "bitwise",
  }),
  state: () => ({}),
  forward(x_BTD, { c, d, p, io }) {
    const columns = realTokens(linear(x_BTD, p.qkv, p.qkvBias), io.mask_BT);
    const [q, k, v] = splitHeads(columns, 3 * d.H).split(1, [d.H, d.H, d.H]) as [Tensor, Tensor, Tensor];
    const o = unit(collisions(unit(q).matmul(unit(k), { transB: true }), c).matmul(v));
    const y = p.kernel ? o.add(convolved(v, p.kernel)) : o;
    return { y: linear(mergeHeads(y), p.out, p.outBias), s: {} };
  },
});

/** (1 − arccos(s) / π)^bits. Equal vectors stay a little apart: arccos has no slope there. */
function collisions(cosine: Tensor, { bits, gradient }: C): Tensor {
  const inside = cosine.maximum(-1 + 1e-6).minimum(1 - 1e-6);
  const p = apply1("acos", [inside], {}).div(-Math.PI).add(1).pow(bits);
  if (gradient === "exact") return p;
  return straightThrough(p, cosine.mul(p.mul(bits / 2).stopGradient()));
}

const unit = (x: Tensor): Tensor => x.div(x.square().sum(-1, true).maximum(1e-24).sqrt());
