import { z } from "zod";
import { defineResidual } from "../define.ts";

/** F(x) alone: a plain stack, as before residual nets. */
export const none = defineResidual({
  kind: "none",
  title: "No residual",
  cite: { arxiv: "1512.03385", by: "He et al. 2016 (the plain net)" },
  equations: ["y = F(x)"],
  config: z.strictObject({}),
  dims: (_c, D) => ({ D }),
  params: () => ({}),
  fits: true,
  forward: (_x, y) => y,
});
