import { z } from "zod";
import { gelu, layerNorm, type Tensor } from "../../tensor/index.ts";
import { defineHead } from "../define.ts";
import { bias, gain, matrix } from "../weights/declare.ts";
import { linear, value, type Weight } from "../weights/use.ts";

/** Logits of every id: x·Eᵀ with the embedding's table, or x·W; optionally c·tanh(z/c) (Gemma 2, section 2). */
export const lm = defineHead({
  kind: "lm",
  title: "Language-model head",
  cite: { arxiv: "1608.05859", by: "Press & Wolf 2017" },
  equations: [
    "x ← LayerNorm(gelu(x·W_t + b_t))  (transform)",
    "z = x·Eᵀ  (tied)  or  x·W",
    "z ← c·tanh(z / c)  (soft cap)",
  ],
  config: z.strictObject({
    tied: z.boolean().default(true).describe("share the embedding's table"),
    transform: z.boolean().default(false).describe("a dense layer, GELU and a layer norm before the scores (BERT)"),
    bias: z.boolean().default(false).describe("add a learned offset per id"),
    softcap: z.number().positive().nullable().default(null).describe("largest magnitude of a logit, by tanh"),
  }),
  dims: (_c, D, C) => ({ D, C }),
  params: ({ D, C }, c) => ({
    ...(c.transform && { dense: matrix(D, D), denseBias: bias(D), normGain: gain(D), normOffset: bias(D) }),
    ...(!c.tied && { out: matrix(D, C, { init: { kind: "normal", std: 0.02 } }) }),
    ...(c.bias && { bias: bias(C) }),
  }),
  forward(input, { c, p, table }) {
    const x = transformed(input, p);
    const plain = p.out ? linear(x, p.out) : x.matmul(table!, { transB: true });
    const z = p.bias ? plain.add(value(p.bias)) : plain;
    return c.softcap === null ? z : z.div(c.softcap).tanh().mul(c.softcap);
  },
});

function transformed(
  x: Tensor,
  {
    dense,
    denseBias,
    normGain,
    normOffset,
  }: Partial<Record<"dense" | "denseBias" | "normGain" | "normOffset", Weight>>,
): Tensor {
  if (!dense || !normGain || !normOffset) return x;
  return layerNorm(gelu(linear(x, dense, denseBias)), value(normGain), value(normOffset), 1e-12);
}
