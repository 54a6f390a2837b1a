import { z } from "zod";
import { defineResidual } from "../define.ts";
import { gain } from "../weights/declare.ts";
import { value } from "../weights/use.ts";

/** x + α·F(x) with one learned gate per sublayer that starts at 0: at first every layer is the identity. */
export const rezero = defineResidual({
  kind: "rezero",
  title: "ReZero",
  cite: { arxiv: "2003.04887", by: "Bachlechner et al. 2020, eq. 1" },
  equations: ["y = x + α · F(x),  α a scalar"],
  config: z.strictObject({ initial: z.number().default(0).describe("start of α") }),
  dims: (_c, D) => ({ D }),
  params: (_d, c) => ({ gate: gain(1, c.initial) }),
  forward: (x, y, { p }) => x.add(y.mul(value(p.gate))),
});
