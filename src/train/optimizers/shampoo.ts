import { z } from "zod";
import { type Tensor, where } from "../../tensor/index.ts";
import { adamw } from "./adamw.ts";
import { defineOptimizer } from "./define.ts";
import { betaField, rateField, weightDecayField } from "./fields.ts";
import { identity, inverseRoot } from "./inverse-root.ts";
import { sidesOf } from "./sides.ts";
import { firstAt } from "./steps.ts";

/**
 * Gradients between the inverse roots of their row and column statistics: L ← L + GGᵀ, R ← R + GᵀG from ε·I (G with momentum and decay), step
 * L^(−1/4)·G·R^(−1/4), or L^(−1/2)·g of a vector (Gupta, Koren & Singer 2018, algorithm 1). For parameters of role "matrix", over
 * their last two axes; the others are moved by AdamW.
 */
export const shampoo = defineOptimizer({
  kind: "shampoo",
  title: "Shampoo: preconditioned by Kronecker factors",
  cite: { by: "Gupta, Koren & Singer 2018", arxiv: "1802.09568" },
  config: z.strictObject({
    learningRate: rateField(0.03).describe("peak step size of matrices; that of the others is others.learningRate"),
    weightDecay: weightDecayField().describe("added to the gradient as weightDecay·p after momentum"),
    momentum: betaField(0, "weight of the last step beside the gradient"),
    every: z
      .int()
      .positive()
      .default(1)
      .describe("steps from one use of new roots to the next; nothing moves before the first"),
    start: z.number().positive().default(0.1).describe("multiple of the identity that the statistics start from"),
    largestAxis: z.int().positive().default(1024).describe("longer axes are not preconditioned"),
    iterations: z.int().positive().default(30).describe("Newton iterations of a root"),
    others: adamw.config.prefault({}).describe("AdamW of the parameters that are no matrices"),
  }),
  scope: "tensor",
  slots: ["left", "leftRoot", "right", "rightRoot", "step"],
  slotShapes(shape, { largestAxis }) {
    const [left, right] = sidesOf(shape, largestAxis);
    return { ...(left && { left, leftRoot: left }), ...(right && { right, rightRoot: right }), step: shape };
  },
  scalarsAt: (c) => (t) => ({ first: firstAt(t), added: c.start * firstAt(t), due: Number(t % c.every === 0) }),
  others: (c) => ({ definition: adamw, c: c.others }),
  update({ p, g, slots, scalars, c }) {
    const before = where(scalars.first.greater(0), g, slots.step);
    const mixed = g
      .mul(1 - c.momentum)
      .add(before.mul(c.momentum))
      .add(p.mul(scalars.weightDecay));
    const G = p.rank === 1 ? mixed.unsqueeze(1) : mixed;
    const sides = sidesOf(p.shape, c.largestAxis);
    const root = { power: 2 * sides.filter((side) => side !== undefined).length, iterations: c.iterations };
    const left =
      sides[0] &&
      preconditioner({ before: slots.left, root: slots.leftRoot }, G.matmul(G, { transB: true }), {
        ...scalars,
        ...root,
      });
    const right =
      sides[1] &&
      preconditioner({ before: slots.right, root: slots.rightRoot }, G.matmul(G, { transA: true }), {
        ...scalars,
        ...root,
      });
    const onLeft = left ? left.root.matmul(G) : G;
    const step = (right ? onLeft.matmul(right.root) : onLeft).reshape(p.shape);
    return {
      p: p.sub(step.mul(scalars.learningRate)),
      slots: {
        ...(left && { left: left.statistic, leftRoot: left.root }),
        ...(right && { right: right.statistic, rightRoot: right.root }),
        step,
      },
    };
  },
});

interface Renewal {
  added: Tensor;
  due: Tensor;
  power: number;
  iterations: number;
}

/** The statistic with a new product, and its root, new where one is due. */
function preconditioner(
  { before, root }: { before: Tensor; root: Tensor },
  product: Tensor,
  { added, due, ...newton }: Renewal,
) {
  const statistic = before.add(identity(product.dim(-1)).mul(added)).add(product);
  return { statistic, root: where(due.greater(0), inverseRoot(statistic, newton), root) };
}
