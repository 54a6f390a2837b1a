import { z } from "zod";
import { defineHead } from "../define.ts";
import { bias, matrix } from "../weights/declare.ts";
import { linear, value } from "../weights/use.ts";

/** Logits of every id: x·Eᵀ with the embedding's table, or x·W; optionally c·tanh(z/c) (Gemma 2, section 2). */
export const lm = defineHead({
  kind: "lm",
  title: "Language-model head",
  cite: { arxiv: "1608.05859", by: "Press & Wolf 2017" },
  equations: ["z = x·Eᵀ  (tied)  or  x·W", "z ← c·tanh(z / c)  (soft cap)"],
  config: z.strictObject({
    tied: z.boolean().default(true).describe("share the embedding's table"),
    bias: z.boolean().default(false).describe("add a learned offset per id"),
    softcap: z.number().positive().nullable().default(null).describe("largest magnitude of a logit, by tanh"),
  }),
  dims: (_c, D, C) => ({ D, C }),
  params: ({ D, C }, c) => ({
    ...(!c.tied && { out: matrix(D, C, { init: { kind: "normal", std: 0.02 } }) }),
    ...(c.bias && { bias: bias(C) }),
  }),
  forward(x, { c, p, table }) {
    const plain = p.out ? linear(x, p.out) : x.matmul(table!, { transB: true });
    const z = p.bias ? plain.add(value(p.bias)) : plain;
    return c.softcap === null ? z : z.div(c.softcap).tanh().mul(c.softcap);
  },
});
