import { z } from "zod";
import { scalar, type Tensor } from "../../tensor/index.ts";
import { defineOptimizer } from "./define.ts";
import { factoredMeans, factoredSlots } from "./factored.ts";
import { betaField, decayField, rateField, weightDecayField } from "./fields.ts";
import { average } from "./moments.ts";
import { rms } from "./norms.ts";

/** Adafactor whose step is divided by how much it differs from its mean: confidence (Luo et al. 2023, algorithm 2). */
export const came = defineOptimizer({
  kind: "came",
  title: "CAME: confidence-guided Adafactor",
  cite: { by: "Luo et al. 2023", arxiv: "2307.02047" },
  config: z.strictObject({
    learningRate: rateField(2e-4),
    weightDecay: weightDecayField(),
    decay: decayField("decoupled"),
    beta1: betaField(0.9, "decay of the mean step"),
    beta2: betaField(0.999, "decay of the squared gradient's means"),
    beta3: betaField(0.9999, "decay of the squared residual's means"),
    epsilon1: z.number().positive().default(1e-30).describe("added to squared gradients"),
    epsilon2: z.number().positive().default(1e-16).describe("added to squared residuals"),
    clip: z.number().positive().default(1).describe("largest root mean square of a step before the rate"),
  }),
  scope: "tensor",
  slots: ["m", "rows", "columns", "residualRows", "residualColumns", "v"],
  slotShapes(shape) {
    const factors = factoredSlots(shape);
    const doubled =
      "rows" in factors ? { ...factors, residualRows: factors.rows, residualColumns: factors.columns } : factors;
    return { m: shape, ...doubled };
  },
  update({ p, g, slots, scalars, c }) {
    const square = g.square().add(c.epsilon1);
    const factors = p.rank > 1 ? factoredMeans(square, slots, 1 - c.beta2) : undefined;
    const second = factors ?? { v: average(slots.v, square, c.beta2) };
    const direction = "v" in second ? g.div(second.v.sqrt()) : g.mul(inverseRoot(second));
    const clipped = direction.div(rms(direction).div(c.clip).maximum(1));
    const m = average(slots.m, clipped, c.beta1);
    if (!factors) return { p: p.sub(m.mul(scalars.learningRate)), slots: { m, ...second } };
    const before = { rows: slots.residualRows, columns: slots.residualColumns };
    const residual = factoredMeans(clipped.sub(m).square().add(c.epsilon2), before, 1 - c.beta3);
    const step = m.mul(inverseRoot(residual)).mul(scalars.learningRate);
    return { p: p.sub(step), slots: { m, ...factors, residualRows: residual.rows, residualColumns: residual.columns } };
  },
});

/** 1/√(rows/mean of rows) · 1/√columns, each factor by itself so that neither product underflows. */
function inverseRoot({ rows, columns }: { rows: Tensor; columns: Tensor }): Tensor {
  return scalar(1)
    .div(rows.div(rows.mean(-2, true)).sqrt())
    .mul(scalar(1).div(columns.sqrt()));
}
