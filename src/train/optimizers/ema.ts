import type { UpdateRule } from "../../engine/index.ts";

/** How parameters are averaged: the decay of an exponential average, or the mean of all steps. */
export type EmaConfig = number | "mean";

/** Weight of step t's parameters in the average; the first step's are copied, as PyTorch's AveragedModel does. */
export const emaShare = (c: EmaConfig, t: number): number => (t === 1 ? 1 : c === "mean" ? 1 / t : 1 - c);

/**
 * A rule that also keeps an average of the parameters in the slot `ema`: a ← a + emaShare·(p − a), so that the average of what
 * does not move is exactly that.
 */
export function withEma(rule: UpdateRule): UpdateRule {
  const { slotShapes } = rule;
  return {
    ...rule,
    slots: [...rule.slots, "ema"],
    ...(slotShapes && { slotShapes: (shape) => ({ ...slotShapes(shape), ema: shape }) }),
    scalars: [...rule.scalars, "emaShare"],
    update(at) {
      const { p, slots } = rule.update(at);
      const before = at.slots["ema"]!;
      return { p, slots: { ...slots, ema: before.add(p.sub(before).mul(at.scalars["emaShare"]!)) } };
    },
  };
}
