import { z } from "zod";
import { defineNorm } from "../define.ts";
import { bias, gain, vector } from "../weights/declare.ts";
import { value } from "../weights/use.ts";

/** Dynamic tanh in the place of a norm: tanh(αx) · g + b, no statistics; `erf` with an offset is Derf (arXiv 2512.10938). */
export const dyt = defineNorm({
  kind: "dyt",
  title: "Dynamic tanh",
  cite: { arxiv: "2503.10622", by: "Zhu et al. 2025" },
  equations: ["y = tanh(α x) · g + b  or  erf(α x + s) · g + b,  α and s scalars"],
  config: z.strictObject({
    function: z.enum(["tanh", "erf"]).default("tanh").describe("what squashes; erf has a learned offset s inside"),
    alpha: z.number().positive().default(0.5).describe("start of α"),
  }),
  dims: (_c, D) => ({ D }),
  params: ({ D }, c) => ({
    alpha: vector(1, c.alpha),
    ...(c.function === "erf" && { shift: vector(1) }),
    gain: gain(D),
    bias: bias(D),
  }),
  forward(x, { p }) {
    const scaled = x.mul(value(p.alpha));
    const squashed = p.shift ? scaled.add(value(p.shift)).erf() : scaled.tanh();
    return { y: squashed.mul(value(p.gain)).add(value(p.bias)) };
  },
});
