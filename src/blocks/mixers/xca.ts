/**
 * Cross-covariance attention: features attend to features by how they vary over time; the cost is linear in the tokens.
 * Axes: B batch, T time, D model, H heads of K features.
 */
import { z } from "zod";
import type { Tensor } from "../../tensor/index.ts";
import { wholeSequence } from "../capabilities.ts";
import { defineMixer } from "../define.ts";
import { headsOfWidth } from "../fields.ts";
import { bias, gain, matrix } from "../weights/declare.ts";
import { linear, value } from "../weights/use.ts";
import { realTokens } from "./token-mlp.ts";

const config = z.strictObject({
  heads: headsOfWidth(),
  bias: z.boolean().default(false).describe("offsets of queries, keys and values"),
  outBias: z.boolean().default(true).describe("offset on the output"),
});

export const xca = defineMixer({
  kind: "xca",
  title: "Cross-covariance attention (XCiT)",
  cite: { arxiv: "2106.09681", by: "El-Nouby et al. 2021" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "q, k, v = x W_q, x W_k, x W_v  (per head, [T, K]);  columns of q and k of unit length over time",
    "A = softmax(τ_h qᵀ k)  [K, K];  y = v Aᵀ",
  ],
  config,
  dims: (c, D: number) => ({ D, H: c.heads, K: D / c.heads }),
  params: ({ D, H }, c) => ({
    qkv: matrix(D, 3 * D),
    ...(c.bias && { qkvBias: bias(3 * D) }),
    temperature: gain(H),
    out: matrix(D, D, { init: "residual" }),
    ...(c.outBias && { outBias: bias(D) }),
  }),
  reads: ["mask_BT"],
  capabilities: wholeSequence,
  state: () => ({}),
  forward(x_BTD, { d: { H, K }, p, io }) {
    const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
    const columns = realTokens(linear(x_BTD, p.qkv, p.qkvBias), io.mask_BT).reshape([B, T, 3 * H, K]);
    const [q, k, v] = columns.transpose([0, 2, 3, 1]).split(1, [H, H, H]) as [Tensor, Tensor, Tensor];
    const scores_BHKK = unitRows(q).matmul(unitRows(k), { transB: true });
    const weights = scores_BHKK.mul(value(p.temperature).reshape([H, 1, 1])).softmax(-1);
    const y_BTD = weights
      .matmul(v)
      .transpose([0, 3, 1, 2])
      .reshape([B, T, H * K]);
    return { y: linear(y_BTD, p.out, p.outBias), s: {}, probes: { weights_BHKK: weights } };
  },
});

/** Below this a feature is as good as 0 everywhere. */
const smallest = 1e-24;

const unitRows = (x: Tensor): Tensor => x.div(x.square().sum(-1, true).maximum(smallest).sqrt());
