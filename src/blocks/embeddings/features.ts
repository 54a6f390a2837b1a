import { z } from "zod";
import { concat } from "../../tensor/index.ts";
import { defineEmbedding } from "../define.ts";
import { bias, matrix, vector } from "../weights/declare.ts";
import { linear, value } from "../weights/use.ts";

/** Vectors of measurements, patches or frames instead of ids: x [B, T, F] → [B, T, D], behind a learned token where asked for. */
export const features = defineEmbedding({
  kind: "features",
  title: "Linear embedding of vectors",
  cite: { arxiv: "2010.11929", by: "Dosovitskiy et al. 2020" },
  equations: ["x_t = f_t·W + b", "x = [c; x_1; …; x_T]  (class token)"],
  config: z.strictObject({
    size: z.int().positive().default(1).describe("F, numbers a token"),
    bias: z.boolean().default(true).describe("add a learned offset"),
    classToken: z.boolean().default(false).describe("put a learned token in front, for heads that read the first"),
  }),
  dims: (c, D) => ({ F: c.size, D }),
  features: (c) => c.size,
  extraTokens: (c) => (c.classToken ? 1 : 0),
  params: ({ F, D }, c) => ({
    project: matrix(F, D),
    ...(c.bias && { bias: bias(D) }),
    ...(c.classToken && { classToken: vector(D, { kind: "normal", std: 0.02 }) }),
  }),
  forward(x_BTF, { d, p }) {
    const x_BTD = linear(x_BTF, p.project, p.bias);
    if (p.classToken === undefined) return x_BTD;
    const first = value(p.classToken)
      .reshape([1, 1, d.D])
      .expand([x_BTF.dim(0), 1, d.D]);
    return concat(1, [first, x_BTD]);
  },
});
