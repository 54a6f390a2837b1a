/**
 * Class attention: only the first token asks, all answer; the others get nothing, so a residual leaves them as they are.
 * Axes: B batch, T time, D model, H heads of K features.
 */
import { z } from "zod";
import { scaledDotProduct } from "../../ops/index.ts";
import { wholeSequence } from "../capabilities.ts";
import { defineMixer } from "../define.ts";
import { headsOfWidth } from "../fields.ts";
import { bias, matrix } from "../weights/declare.ts";
import { linear, type Weight } from "../weights/use.ts";
import { mergeHeads, splitHeads } from "./attention-heads.ts";

const config = z.strictObject({
  heads: headsOfWidth(),
  bias: z.boolean().default(false).describe("offsets of queries, keys and values"),
  outBias: z.boolean().default(true).describe("offset on the output"),
});

export const classAttention = defineMixer({
  kind: "class-attention",
  title: "Class attention (CaiT)",
  cite: { arxiv: "2103.17239", by: "Touvron et al. 2021, section 2.2" },
  patterns: ["higher-order", "multi-x"],
  equations: ["y_0 = Σ_s softmax_s(q_0·k_s / √K) v_s W_out,  y_t = 0 for t > 0"],
  config,
  dims: (c, D: number) => ({ D, H: c.heads, K: D / c.heads }),
  params: ({ D }, c) => ({
    q: matrix(D, D),
    k: matrix(D, D),
    v: matrix(D, D),
    ...(c.bias && { qBias: bias(D), kBias: bias(D), vBias: bias(D) }),
    out: matrix(D, D, { init: "residual" }),
    ...(c.outBias && { outBias: bias(D) }),
  }),
  reads: ["mask_BT"],
  capabilities: wholeSequence,
  state: () => ({}),
  forward(x_BTD, { d: { H }, p, io }) {
    const heads = (weight: Weight, offset: Weight | undefined, tokens = x_BTD) =>
      splitHeads(linear(tokens, weight, offset), H);
    const y_BHTK = scaledDotProduct(
      { q: heads(p.q, p.qBias, x_BTD.slice(1, 0, 1)), k: heads(p.k, p.kBias), v: heads(p.v, p.vBias) },
      { mask: io.mask_BT?.unsqueeze(1).unsqueeze(1) },
    );
    return { y: linear(mergeHeads(y_BHTK), p.out, p.outBias).pad(1, 0, x_BTD.dim(1) - 1), s: {} };
  },
});
