/**
 * Token MLP (MLP-Mixer): a network of two layers along time, the same for every feature.
 * Axes: B batch, T time, D model, L tokens at most, F hidden tokens.
 */
import { z } from "zod";
import { gelu, type Tensor, where } from "../../tensor/index.ts";
import { wholeSequence } from "../capabilities.ts";
import { defineMixer } from "../define.ts";
import { bias, matrix } from "../weights/declare.ts";
import { value } from "../weights/use.ts";
import { assertTokens } from "./max-tokens.ts";

const config = z.strictObject({
  maxTokens: z.int().positive().default(256).describe("longest sequence; a shorter one is as if filled up with zeros"),
  hidden: z.int().positive().optional().describe("hidden width along time (default: half of maxTokens, rounded up)"),
});

export const tokenMlp = defineMixer({
  kind: "token-mlp",
  title: "Token MLP (MLP-Mixer)",
  cite: { arxiv: "2105.01601", by: "Tolstikhin et al. 2021" },
  equations: ["y = (W₂ gelu(W₁ xᵀ + b₁) + b₂)ᵀ   (over time, for every feature)"],
  config,
  dims: (c, D: number) => ({ D, L: c.maxTokens, F: c.hidden ?? Math.ceil(c.maxTokens / 2) }),
  params: ({ L, F }) => ({
    up: matrix(L, F),
    upBias: bias(F),
    down: matrix(F, L, { init: "residual" }),
    downBias: bias(L),
  }),
  tune: [{ key: "hidden", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: { ...wholeSequence, length: "max" },
  state: () => ({}),
  forward(x_BTD, { c, p, io }) {
    const T = x_BTD.dim(1);
    assertTokens("token-mlp", T, c.maxTokens);
    const real = realTokens(x_BTD, io.mask_BT);
    const hidden = value(p.up).slice(0, 0, T).matmul(real, { transA: true }).add(value(p.upBias).unsqueeze(1));
    const y = value(p.down).slice(1, 0, T).matmul(gelu(hidden), { transA: true });
    return { y: y.add(value(p.downBias).slice(0, 0, T).unsqueeze(1)), s: {} };
  },
});

/** x with padding at 0. */
export const realTokens = (x_BTD: Tensor, mask_BT: Tensor | undefined): Tensor =>
  mask_BT ? where(mask_BT.unsqueeze(2), x_BTD, 0) : x_BTD;
