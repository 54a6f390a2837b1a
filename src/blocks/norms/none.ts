import { z } from "zod";
import { defineNorm } from "../define.ts";

/** No normalisation. */
export const none = defineNorm({
  kind: "none",
  title: "No norm",
  cite: { by: "the identity" },
  equations: ["y = x"],
  config: z.strictObject({}),
  dims: (_c, D) => ({ D }),
  params: () => ({}),
  forward: (x) => ({ y: x }),
});
