import { z } from "zod";
import { recurrent } from "../capabilities.ts";
import { defineMixer } from "../define.ts";

/** No mixing: every token stays alone, so that a block shows what its other parts do by themselves. */
export const identity = defineMixer({
  kind: "identity",
  title: "Identity (MetaFormer ablation)",
  cite: { arxiv: "2210.13452", by: "Yu et al. 2022 (MetaFormer baselines), IdentityFormer" },
  equations: ["y_t = x_t"],
  config: z.strictObject({}),
  dims: (_c, D: number) => ({ D }),
  params: () => ({}),
  capabilities: { ...recurrent, flow: "both" },
  state: () => ({}),
  forward: (x_BTD) => ({ y: x_BTD, s: {} }),
  step: (x_BD) => ({ y: x_BD, s: {} }),
});
