import { z } from "zod";
import { defineResidual } from "../define.ts";
import { bias, matrix } from "../weights/declare.ts";
import { linear } from "../weights/use.ts";

/** The stream and the sublayer's output mixed by a gate that the stream opens; a negative start carries the stream on. */
export const highway = defineResidual({
  kind: "highway",
  title: "Highway gate",
  cite: { arxiv: "1505.00387", by: "Srivastava et al. 2015, eq. 3" },
  patterns: ["data-gating"],
  equations: ["t = σ(x W + b),  y = t ⊙ F(x) + (1 − t) ⊙ x"],
  config: z.strictObject({
    open: z.number().default(-1).describe("start of the gate's offset b: smaller keeps more of the stream"),
  }),
  dims: (_c, D) => ({ D }),
  params: ({ D }, c) => ({ gate: matrix(D, D), gateBias: bias(D, c.open) }),
  forward(x, y, { p }) {
    const gate = linear(x, p.gate, p.gateBias).sigmoid();
    return x.add(gate.mul(y.sub(x)));
  },
});
