import { z } from "zod";
import { defineChannel } from "../define.ts";

/** No channel mixer: the builder leaves the sublayer out. */
export const none = defineChannel({
  kind: "none",
  title: "No channel mixer",
  cite: { by: "the identity" },
  equations: ["y = x"],
  config: z.strictObject({}),
  dims: (_c, D) => ({ D }),
  params: () => ({}),
  capabilities: { flow: "both", length: "any", batch: "independent", smooth: "everywhere", exact: "bitwise" },
  forward: (x) => ({ y: x }),
});
