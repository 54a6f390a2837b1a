import { z } from "zod";
import { defineNorm } from "../define.ts";
import { bias, gain } from "../weights/declare.ts";
import { value } from "../weights/use.ts";

/** A gain and an offset per feature in the place of a norm: no statistics, and at inference it folds into the next map. */
export const affine = defineNorm({
  kind: "affine",
  title: "Affine (ResMLP)",
  cite: { arxiv: "2105.03404", by: "Touvron et al. 2021, eq. 1" },
  equations: ["y = g ⊙ x + b"],
  config: z.strictObject({}),
  dims: (_c, D) => ({ D }),
  params: ({ D }) => ({ gain: gain(D), bias: bias(D) }),
  forward: (x, { p }) => ({ y: x.mul(value(p.gain)).add(value(p.bias)) }),
});
