import { z } from "zod";
import { definePosition } from "../define.ts";

/** No position information: attention without a causal mask then sees a set. */
export const none = definePosition({
  kind: "none",
  title: "No positions",
  cite: { arxiv: "1706.03762", by: "Vaswani et al. 2017" },
  equations: ["y = x"],
  config: z.strictObject({}),
  dims: () => ({}),
  params: () => ({}),
});
