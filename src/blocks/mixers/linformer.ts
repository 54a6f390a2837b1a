/**
 * Linformer: softmax attention over a fixed number of slots, into which learned weights sum the keys and values of all tokens.
 * Axes: B batch, T time, D model, H query heads, G key heads, K head size, L tokens at most, S slots.
 */
import { z } from "zod";
import { scaledDotProduct } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { wholeSequence } from "../capabilities.ts";
import { defineMixer } from "../define.ts";
import { bias, matrix } from "../weights/declare.ts";
import { linear, value, type Weight, type Weights } from "../weights/use.ts";
import { assertTokens } from "./max-tokens.ts";
import { realTokens } from "./token-mlp.ts";

/** Also of `linformer-cross`. */
export const config = z.strictObject({
  heads: z.int().positive().default(4).describe("query heads; must divide the width"),
  slots: z.int().positive().default(64).describe("k: sums over time that take the place of the tokens"),
  maxTokens: z.int().positive().default(512).describe("longest sequence; a shorter one is as if filled up with zeros"),
  oneKvHead: z.boolean().default(false).describe("one head of keys and values for all query heads"),
  sharedKv: z.boolean().default(false).describe("values are the keys, with the same weights over time"),
  outBias: z.boolean().default(true).describe("offset on the output"),
});
type C = z.infer<typeof config>;

export const dims = (c: C, D: number) => ({
  D,
  H: c.heads,
  G: c.oneKvHead ? 1 : c.heads,
  K: D / c.heads,
  L: c.maxTokens,
  S: c.slots,
});

type Sizes = ReturnType<typeof dims>;

export function params({ D, G, K, L, S }: Sizes, c: C) {
  const sum = { init: { kind: "normal", std: 1 / Math.sqrt(S) } } as const;
  return {
    q: matrix(D, D),
    k: matrix(D, G * K),
    keySlots: matrix(L, S, sum),
    ...(!c.sharedKv && { v: matrix(D, G * K), valueSlots: matrix(L, S, sum) }),
    out: matrix(D, D, { init: "residual" }),
    ...(c.outBias && { outBias: bias(D) }),
  };
}

interface At {
  d: Sizes;
  p: Weights<ReturnType<typeof params>>;
}

/** Keys and values of T tokens at most L, summed into the slots: [B, G, S, K]. Tokens that are not real count as zeros. */
export function slotsOf(x_BTD: Tensor, { d, p }: At, mask_BT: Tensor | undefined): { k: Tensor; v: Tensor } {
  const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
  assertTokens("linformer", T, d.L);
  const real = realTokens(x_BTD, mask_BT);
  const slots = (map: Weight, weights: Weight) =>
    value(weights).slice(0, 0, T).matmul(linear(real, map), { transA: true }).reshape([B, d.S, d.G, d.K]).swap(1, 2);
  const k = slots(p.k, p.keySlots);
  return { k, v: p.v && p.valueSlots ? slots(p.v, p.valueSlots) : k };
}

/** What tokens read of the slots. */
export function readSlots(x_BTD: Tensor, { k, v }: { k: Tensor; v: Tensor }, { d, p }: At): Tensor {
  const q = linear(x_BTD, p.q)
    .reshape([x_BTD.dim(0), -1, d.H, d.K])
    .swap(1, 2);
  const y_BHTK = scaledDotProduct({ q, k, v });
  return linear(y_BHTK.swap(1, 2).reshape(x_BTD.shape), p.out, p.outBias);
}

export const linformer = defineMixer({
  kind: "linformer",
  title: "Linformer",
  cite: { arxiv: "2006.04768", by: "Wang et al. 2020" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "q, k, v = x W_q, x W_k, x W_v   (per head)",
    "y = softmax(q (E k)ᵀ / √K) (F v),  E, F [slots, tokens] learned",
    "out = concat_h(y) W_o + b",
  ],
  config,
  dims,
  params,
  tune: [{ key: "slots", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: { ...wholeSequence, length: "max" },
  state: () => ({}),
  forward: (x_BTD, at) => ({ y: readSlots(x_BTD, slotsOf(x_BTD, at, at.io.mask_BT), at), s: {} }),
});
