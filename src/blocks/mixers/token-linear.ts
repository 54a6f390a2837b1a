/**
 * Token linear (ResMLP): one linear map along time, the same for every feature.
 * Axes: B batch, T time, D model, L tokens at most.
 */
import { z } from "zod";
import { wholeSequence } from "../capabilities.ts";
import { defineMixer } from "../define.ts";
import { bias, matrix } from "../weights/declare.ts";
import { value } from "../weights/use.ts";
import { assertTokens } from "./max-tokens.ts";
import { realTokens } from "./token-mlp.ts";

const config = z.strictObject({
  maxTokens: z.int().positive().default(256).describe("longest sequence; a shorter one is as if filled up with zeros"),
});

export const tokenLinear = defineMixer({
  kind: "token-linear",
  title: "Token linear (ResMLP)",
  cite: { arxiv: "2105.03404", by: "Touvron et al. 2021" },
  equations: ["y = (W xᵀ + b)ᵀ   (over time, for every feature)"],
  config,
  dims: (c, D: number) => ({ D, L: c.maxTokens }),
  params: ({ L }) => ({ mix: matrix(L, L, { init: "residual" }), bias: bias(L) }),
  reads: ["mask_BT"],
  capabilities: { ...wholeSequence, length: "max" },
  state: () => ({}),
  forward(x_BTD, { c, p, io }) {
    const T = x_BTD.dim(1);
    assertTokens("token-linear", T, c.maxTokens);
    const mix_TT = value(p.mix).slice(0, 0, T).slice(1, 0, T);
    const y = mix_TT.matmul(realTokens(x_BTD, io.mask_BT), { transA: true });
    return { y: y.add(value(p.bias).slice(0, 0, T).unsqueeze(1)), s: {} };
  },
});
