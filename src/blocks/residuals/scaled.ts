import { z } from "zod";
import { defineResidual } from "../define.ts";

/** x + a·F(x) with a constant a: below 1 it damps deep stacks. */
export const scaled = defineResidual({
  kind: "scaled",
  title: "Scaled residual sum",
  cite: { arxiv: "1602.07261", by: "Szegedy et al. 2016, section 3.3" },
  equations: ["y = x + a · F(x)"],
  config: z.strictObject({ scale: z.number().default(1).describe("a, the factor of the sublayer's output") }),
  dims: (_c, D) => ({ D }),
  params: () => ({}),
  forward: (x, y, { c }) => x.add(y.mul(c.scale)),
});
