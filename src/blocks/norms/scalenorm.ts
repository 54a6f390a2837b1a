import { z } from "zod";
import { defineNorm } from "../define.ts";
import { gain } from "../weights/declare.ts";
import { value } from "../weights/use.ts";

/** Every token brought to one length, which is learned: g · x / ‖x‖, g a scalar that starts at √D. */
export const scalenorm = defineNorm({
  kind: "scalenorm",
  title: "ScaleNorm",
  cite: { arxiv: "1910.05895", by: "Nguyen & Salazar 2019, eq. 5" },
  equations: ["y = g · x / √(Σ x² + ε),  g a scalar"],
  config: z.strictObject({
    epsilon: z.number().positive().default(1e-10).describe("added to the sum of squares"),
    gain: z.boolean().default(true).describe("whether the length g is learned; false: 1, the plain L2 norm"),
  }),
  dims: (_c, D) => ({ D }),
  params: ({ D }, c) => ({ ...(c.gain && { gain: gain(1, Math.sqrt(D)) }) }),
  forward(x, { c, p }) {
    const unit = x.div(x.square().sum(-1, true).add(c.epsilon).sqrt());
    return { y: p.gain ? unit.mul(value(p.gain)) : unit };
  },
});
