import { z } from "zod";
import { defineResidual } from "../define.ts";

/** x + F(x) (He et al. 2016). */
export const add = defineResidual({
  kind: "add",
  title: "Residual sum",
  cite: { arxiv: "1512.03385", by: "He et al. 2016" },
  equations: ["y = x + F(x)"],
  config: z.strictObject({}),
  dims: (_c, D) => ({ D }),
  params: () => ({}),
  forward: (x, y) => x.add(y),
});
