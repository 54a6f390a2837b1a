import { z } from "zod";
import { qr, symmetricEigenvectors } from "../../ops/index.ts";
import { type Shape, type Tensor, where } from "../../tensor/index.ts";
import { adamw } from "./adamw.ts";
import { defineOptimizer } from "./define.ts";
import { betaField, rateField, weightDecayField } from "./fields.ts";
import { average, momentFields } from "./moments.ts";
import { rms } from "./norms.ts";
import { sidesOf } from "./sides.ts";
import { firstAt } from "./steps.ts";

/**
 * Adam in the eigenbasis of Shampoo's statistics (Vyas et al. 2024, algorithm 3): L ← βL + (1 − β)GGᵀ and R likewise, second
 * moments of QLᵀ·G·QR, and Q ← the orthogonal factor of L·Q now and then. The first step only sets L, R and their
 * eigenvectors. For parameters of role "matrix", over their last two axes; the others are moved by AdamW.
 */
export const soap = defineOptimizer({
  kind: "soap",
  title: "SOAP: Adam in Shampoo's eigenbasis",
  cite: { by: "Vyas et al. 2024", arxiv: "2409.11321" },
  config: z.strictObject({
    learningRate: rateField(3e-3).describe("peak step size of matrices; that of the others is others.learningRate"),
    weightDecay: weightDecayField(0.01).describe("pull towards 0 after the step"),
    ...momentFields,
    beta1: betaField(0.95, "decay of the mean gradient"),
    beta2: betaField(0.95, "decay of the mean squared gradient in the eigenbasis"),
    statisticsBeta: betaField(0.95, "decay of the statistics of rows and columns").nullable().default(null),
    every: z.int().positive().default(10).describe("steps from one renewal of the eigenbasis to the next"),
    normalise: z.boolean().default(false).describe("scale the step to root mean square 1"),
    largestAxis: z
      .int()
      .positive()
      .default(128)
      .describe("longer axes are not rotated: the first decomposition is in every step's graph, and its cost cubic"),
    others: adamw.config.prefault({}).describe("AdamW of the parameters that are no matrices"),
  }),
  scope: "tensor",
  slots: ["m", "v", "left", "leftBasis", "right", "rightBasis"],
  slotShapes(shape, { largestAxis }) {
    const [left, right] = rotated(shape, largestAxis);
    return {
      m: shape,
      v: shape,
      ...(left && { left, leftBasis: left }),
      ...(right && { right, rightBasis: right }),
    };
  },
  scalarsAt: (c) => (t) => ({
    first: firstAt(t),
    due: Number(t > 1 && (t - 1) % c.every === 0),
    unbias: t === 1 ? 0 : Math.sqrt(1 - c.beta2 ** (t - 1)) / (1 - c.beta1 ** (t - 1)),
  }),
  others: (c) => ({ definition: adamw, c: c.others }),
  update({ p, g, slots, scalars, c }) {
    const first = scalars.first.greater(0);
    const [hasLeft, hasRight] = rotated(p.shape, c.largestAxis).map((side) => side !== undefined);
    const basis = { left: hasLeft ? slots.leftBasis : undefined, right: hasRight ? slots.rightBasis : undefined };
    const m = where(first, slots.m, average(slots.m, g, c.beta1));
    const v = where(first, slots.v, average(slots.v, inBasis(g, basis).square(), c.beta2));
    const step = outOfBasis(inBasis(m, basis).div(v.sqrt().add(c.epsilon)), basis);
    const scaled = c.normalise ? step.div(rms(step).add(c.epsilon)) : step;
    const moved = p.sub(scaled.mul(scalars.learningRate.mul(scalars.unbias)));
    const decayed = moved.sub(moved.mul(scalars.learningRate.mul(scalars.weightDecay)));
    const renewal = { ...scalars, beta: c.statisticsBeta ?? c.beta2 };
    const left =
      hasLeft && renewed({ statistic: slots.left, basis: slots.leftBasis }, g.matmul(g, { transB: true }), renewal);
    const right =
      hasRight && renewed({ statistic: slots.right, basis: slots.rightBasis }, g.matmul(g, { transA: true }), renewal);
    const onRows = left ? reordered(v, -2, left) : v;
    return {
      p: where(first, p, decayed),
      slots: {
        m,
        v: right ? reordered(onRows, -1, right) : onRows,
        ...(left && { left: left.statistic, leftBasis: left.basis }),
        ...(right && { right: right.statistic, rightBasis: right.basis }),
      },
    };
  },
});

interface Basis {
  left: Tensor | undefined;
  right: Tensor | undefined;
}

const inBasis = (x: Tensor, { left, right }: Basis): Tensor => {
  const rows = left ? left.matmul(x, { transA: true }) : x;
  return right ? rows.matmul(right) : rows;
};

const outOfBasis = (x: Tensor, { left, right }: Basis): Tensor => {
  const rows = left ? left.matmul(x) : x;
  return right ? rows.matmul(right, { transB: true }) : rows;
};

interface Side {
  statistic: Tensor;
  basis: Tensor;
}

/** The statistic with a new product; its basis, all new at first, turned on and sorted by size where that is due. */
function renewed(
  { statistic: before, basis }: Side,
  product: Tensor,
  { first, due, beta }: { first: Tensor; due: Tensor; beta: number },
) {
  const statistic = average(before, product, beta);
  const sizes = basis.mul(statistic.matmul(basis)).sum(-2);
  const order = sizes.topk(-1, sizes.dim(-1)).indices;
  const sorted = basis.gatherElements(-1, order.unsqueeze(-2).expand(basis.shape));
  const turned = where(due.greater(0), qr(statistic.matmul(sorted)).q, basis);
  const fresh = symmetricEigenvectors(statistic).vectors.flip(-1);
  return { statistic, basis: where(first.greater(0), fresh, turned), order, due };
}

/** Second moments follow the columns of their basis. */
function reordered(v: Tensor, axis: -2 | -1, { order, due }: { order: Tensor; due: Tensor }): Tensor {
  const index = order.unsqueeze(axis === -2 ? -1 : -2).expand(v.shape);
  return where(due.greater(0), v.gatherElements(axis, index), v);
}

/** Shapes of the statistics of a matrix; vectors are not rotated. */
const rotated = (shape: Shape, largestAxis: number) =>
  shape.length === 1 ? [undefined, undefined] : sidesOf(shape, largestAxis);
