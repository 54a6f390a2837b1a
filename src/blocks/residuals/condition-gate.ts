import { z } from "zod";
import { silu, type Tensor } from "../../tensor/index.ts";
import { defineResidual } from "../define.ts";
import { conditionOf } from "../norms/condition.ts";
import { bias, matrix, vector } from "../weights/declare.ts";
import { linear, value, type Weight } from "../weights/use.ts";

/**
 * x + α ⊙ F(x), with gates α from the condition; linear gates start at 0, so that at first every layer is the identity.
 * `shared`: the condition ends with the α of a net that all blocks share, and each has a factor and an offset of it.
 */
export const conditionGate = defineResidual({
  kind: "condition-gate",
  title: "Gate from the condition",
  cite: { arxiv: "2212.09748", by: "Peebles & Xie 2023 (adaLN-Zero)" },
  patterns: ["data-gating"],
  equations: ["y = x + α ⊙ F(x),  α = silu(c) W + b,  σ(c W + b)  or  c ⊙ (1 + s) + b"],
  config: z.strictObject({
    condition: z.int().positive().default(64).describe("width of the condition"),
    gate: z
      .enum(["zero", "sigmoid", "shared"])
      .default("zero")
      .describe("zero: a map of silu(c) that starts at 0 (DiT); sigmoid: the sigmoid of a map of c; shared: c itself"),
    open: z.number().default(-2).describe("start of a sigmoid gate's offset"),
  }),
  dims: (c, D) => ({ D, C: c.condition }),
  params: ({ D, C }, c) => ({
    ...(c.gate === "shared" && { factor: vector(D) }),
    ...(c.gate !== "shared" && { gate: matrix(C, D, { init: "zeros" }) }),
    gateBias: bias(D, c.gate === "sigmoid" ? c.open : 0),
  }),
  reads: ["cond_BTD"],
  forward(x, y, { c, d: { D, C }, p, io }) {
    const width = c.gate === "shared" ? undefined : C;
    const condition = conditionOf(io, { rank: x.rank, where: "condition-gate", width });
    if (p.factor) return x.add(y.mul(sharedGate(condition.slice(-1, -D), p.factor).add(value(p.gateBias))));
    const given = c.gate === "zero" ? silu(condition) : condition;
    const gate = linear(given, p.gate!, p.gateBias);
    return x.add(y.mul(c.gate === "sigmoid" ? gate.sigmoid() : gate));
  },
});

const sharedGate = (condition: Tensor, factor: Weight): Tensor => condition.mul(value(factor).add(1));
