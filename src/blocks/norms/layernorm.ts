import { z } from "zod";
import { layerNorm, ones, zeros } from "../../tensor/index.ts";
import { defineNorm } from "../define.ts";
import { bias, gain } from "../weights/declare.ts";
import { value } from "../weights/use.ts";

/** Zero mean and unit variance over the last axis: (x − μ) / √(σ² + ε) · g + b. */
export const layernorm = defineNorm({
  kind: "layernorm",
  title: "LayerNorm",
  cite: { arxiv: "1607.06450", by: "Ba et al. 2016" },
  equations: ["y = (x − mean x) / √(var x + ε) · g + b"],
  config: z.strictObject({
    epsilon: z.number().positive().default(1e-5).describe("added to the variance"),
    gain: z.boolean().default(true).describe("whether there is a gain g"),
    bias: z.boolean().default(true).describe("whether there is an offset b"),
  }),
  dims: (_c, D) => ({ D }),
  params: ({ D }, c) => ({ ...(c.gain && { gain: gain(D) }), ...(c.bias && { bias: bias(D) }) }),
  forward(x, { c, d: { D }, p }) {
    const [g, b] = [p.gain ? value(p.gain) : ones([D]), p.bias ? value(p.bias) : zeros([D])];
    return { y: layerNorm(x, g, b, c.epsilon) };
  },
});
