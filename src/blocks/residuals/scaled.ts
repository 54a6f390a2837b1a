import { z } from "zod";
import { defineResidual } from "../define.ts";

/** s·x + a·F(x) with constants: a below 1 damps deep stacks; s above 1 before a norm is DeepNorm (arXiv 2203.00555). */
export const scaled = defineResidual({
  kind: "scaled",
  title: "Scaled residual sum",
  cite: { arxiv: "1602.07261", by: "Szegedy et al. 2016, section 3.3" },
  equations: ["y = s · x + a · F(x)"],
  config: z.strictObject({
    scale: z.number().default(1).describe("a, the factor of the sublayer's output"),
    skip: z.number().default(1).describe("s, the factor of the stream"),
  }),
  dims: (_c, D) => ({ D }),
  params: () => ({}),
  forward: (x, y, { c }) => (c.skip === 1 ? x : x.mul(c.skip)).add(y.mul(c.scale)),
});
