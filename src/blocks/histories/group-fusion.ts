import { z } from "zod";
import { depthAverage } from "../../ops/index.ts";
import { defineHistory } from "../define.ts";
import { vector } from "../weights/declare.ts";
import { value } from "../weights/use.ts";

/** What leaves the stack is a mixture of groups of layers, so that the lower ones are read directly, too. */
export const groupFusion = defineHistory({
  kind: "group-fusion",
  title: "Fused groups of layers",
  cite: { arxiv: "2207.14467", by: "Yang et al. 2022 (GTrans)" },
  equations: [
    "r_g = Σ_{l in group g} softmax(a_g)_l x_l",
    "out = Σ_g softmax(b)_g r_g   (behind the last layer; all others start from the one below)",
  ],
  config: z.strictObject({
    layers: z.int().positive().default(3).describe("neighbouring layers a group, counted from the bottom"),
  }),
  dims: (c, D, { place, depth }) => ({
    D,
    L: depth,
    G: Math.ceil(depth / c.layers),
    at: { end: place > depth && depth > 0 },
  }),
  params: ({ L, G, at: { end } }) => ({ ...(end && { inside: vector(L), between: vector(G) }) }),
  forward(states, { c, d: { L, G }, p }) {
    if (!p.inside || !p.between) return states.at(-1)!;
    const layers = states.slice(1);
    const scores = value(p.inside);
    const groups = Array.from({ length: G }, (_, g) => {
      const [from, to] = [g * c.layers, Math.min(L, (g + 1) * c.layers)];
      return depthAverage(layers.slice(from, to), scores.slice(0, from, to).softmax(-1));
    });
    return depthAverage(groups, value(p.between).softmax(-1));
  },
});
