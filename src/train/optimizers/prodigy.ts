import { z } from "zod";
import { scalar, type Tensor, where } from "../../tensor/index.ts";
import { defineOptimizer, type UpdateContext } from "./define.ts";
import { betaField, rateField, weightDecayField } from "./fields.ts";
import { average, momentFields } from "./moments.ts";
import { firstAt } from "./steps.ts";

const config = z.strictObject({
  learningRate: rateField(1),
  weightDecay: weightDecayField(),
  decay: z
    .enum(["adapted", "coupled"])
    .default("adapted")
    .describe("how weightDecay enters: apart from the gradient, by the adapted step size, or in it"),
  ...momentFields,
  beta2: betaField(0.999, "decay of the mean squared gradient"),
  beta3: z
    .number()
    .min(0)
    .lt(1)
    .nullable()
    .default(null)
    .describe("decay of the sums behind the distance; null: the root of beta2"),
  epsilon: z.number().positive().default(1e-8).describe("added, times the distance, where a division could be by 0"),
  initialDistance: z
    .number()
    .positive()
    .default(1e-6)
    .describe("d0: distance to the solution to begin with, too small"),
  distanceRatio: z.number().positive().default(1).describe("step size / what the estimate of the distance gives"),
  growthRate: z
    .number()
    .min(1)
    .nullable()
    .default(null)
    .describe("most that a step multiplies the distance by; null: no limit"),
  biasCorrection: z.boolean().default(false).describe("undo the moments' start at zero, as Adam does"),
  safeguardWarmup: z
    .boolean()
    .default(false)
    .describe("keep the rate out of the estimate's divisor: for schedules that warm up"),
});
type Config = z.output<typeof config>;

type Slot = "m" | "v" | "s" | "start" | "ratio" | "largest" | "numerator";
type Context = UpdateContext<Config, Slot, "first" | "correction">;

/**
 * Adam that finds its own step size: the distance d from the start x₀ to a solution is at least Σ λ⟨g, x₀ − x⟩ / ‖Σ λg‖₁, both
 * sums over all parameters and (decaying) over steps, weighted with λ = (d/d₀)·d·rate (Mishchenko & Defazio 2023, algorithm 4, as in
 * prodigyopt). Every parameter keeps the same d/d₀ (`ratio`), the largest estimate / d₀ so far (`largest`) and Σ λ⟨g, x₀ − x⟩
 * (`numerator`): at the start a ratio is exactly 1 in any precision. Where a role has a rate of its own, λ has it too.
 */
export const prodigy = defineOptimizer({
  kind: "prodigy",
  title: "Prodigy: Adam with an estimated step size",
  cite: { by: "Mishchenko & Defazio 2023", arxiv: "2306.06101" },
  config,
  scope: "tensor",
  slots: ["m", "v", "s", "start", "ratio", "largest", "numerator"],
  slotShapes: (shape) => ({ m: shape, v: shape, s: shape, start: shape, ratio: [], largest: [], numerator: [] }),
  scalarsAt: (c) => (t) => ({
    first: firstAt(t),
    correction: c.biasCorrection ? Math.sqrt(1 - c.beta2 ** t) / (1 - c.beta1 ** t) : 1,
  }),
  // Σ λ⟨g, x₀ − x⟩ of this step, and ‖Σ λg‖₁ with it.
  totals: {
    names: ["progress", "spread"],
    terms(at) {
      const { weight, start, s } = weighed(at);
      return { progress: at.g.mul(start.sub(at.p)).mul(weight), spread: s.abs() };
    },
  },
  update(at) {
    const { p, g, slots, scalars, c } = at;
    const { d, size, start, s, active } = weighed(at);
    const { moving, ratio, largest, numerator } = distance(at);
    const m = where(active, average(slots.m, g.mul(d), c.beta1), slots.m);
    const v = where(active, average(slots.v, g.mul(d).square(), c.beta2), slots.v);
    const divisor = v.sqrt().add(ratio.mul(c.initialDistance * c.epsilon));
    const kept = c.decay === "adapted" ? p.mul(scalar(1).sub(size.mul(scalars.weightDecay))) : p;
    const next = where(moving, kept.sub(m.div(divisor).mul(size)), p);
    return { p: next, slots: { m, v, s, start, ratio, largest, numerator } };
  },
});

const beta3Of = (c: Config): number => c.beta3 ?? Math.sqrt(c.beta2);

/** Of this step: d, the step size d·rate (with Adam's correction), λ = (d/d₀)·that, x₀ and s ← β₃s + λg; s stays at rate 0. */
function weighed({ p, g, slots, scalars, c }: Context) {
  const first = scalars.first.greater(0);
  const ratio = where(first, scalar(1), slots.ratio);
  const d = ratio.mul(c.initialDistance);
  const size = d.mul(scalars.learningRate).mul(scalars.correction);
  const active = scalars.learningRate.greater(0);
  const s = slots.s.mul(beta3Of(c)).add(g.mul(ratio.mul(c.safeguardWarmup ? d : size)));
  const start = where(first, p, slots.start);
  return { first, ratio, d, size, weight: ratio.mul(size), start, active, s: where(active, s, slots.s) };
}

/** The next distance; all stays, `moving` false, until some gradient was not 0. */
function distance(at: Context & { scalars: Readonly<Record<"progress" | "spread", Tensor>> }) {
  const { slots, scalars, c } = at;
  const { first, ratio } = weighed(at);
  const moving = scalars.spread.greater(0);
  const numerator = slots.numerator.mul(beta3Of(c)).add(scalars.progress);
  const estimate = numerator.div(scalars.spread).mul(c.distanceRatio / c.initialDistance);
  const before = where(first, scalar(1), slots.largest);
  const largest = before.maximum(estimate);
  const grown = where(ratio.lessEqual(1), ratio.maximum(estimate), ratio);
  const next = c.growthRate === null ? largest : largest.minimum(grown.mul(c.growthRate));
  return {
    moving,
    ratio: where(moving, next, ratio),
    largest: where(moving, largest, before),
    numerator: where(moving, numerator, slots.numerator),
  };
}
