/** Branches and loops whose course is decided by values; see `scan` for loops of known length. */
import { vjp } from "../grad/index.ts";
import { customGradient, iota, scan, type Tensor, where } from "../tensor/index.ts";

type Branch = (operands: readonly Tensor[]) => Tensor;

interface Branches {
  operands: readonly Tensor[];
  whenTrue: Branch;
  whenFalse: Branch;
}

/**
 * One of two graphs of one shape over the same operands, chosen by a bool []. Engines compute both and select; the one
 * not taken contributes neither to the value nor to a gradient, not even NaN. Branches read nothing but their operands
 * (E_CAPTURE); `where` chooses element by element.
 */
export function cond(predicate: Tensor, { operands, whenTrue, whenFalse }: Branches): Tensor {
  return customGradient([predicate, ...operands], {
    forward: ([p, ...inputs]) => where(p!, whenTrue(inputs), whenFalse(inputs)),
    backward({ inputs: [p, ...inputs], g }) {
      const [a, b] = [whenTrue, whenFalse].map((branch) => vjp([branch(inputs)], [g], inputs, inputs));
      const chosen = inputs.map((_, i) => (a![i] || b![i] ? where(p!, a![i] ?? 0, b![i] ?? 0) : undefined));
      return [undefined, ...chosen];
    },
  });
}

interface While {
  init: readonly Tensor[];
  /** Whether another step is taken: bool []. */
  condition: (states: readonly Tensor[]) => Tensor;
  step: (states: readonly Tensor[]) => readonly Tensor[];
  /** Steps at most. */
  limit: number;
}

/**
 * Repeats `step` while the condition holds, `limit` times at most, and counts the steps taken (f32 []). Engines run all
 * `limit` steps and keep the states once the condition fails, so that the loop has a gradient: that of the steps taken.
 * `step` must stay finite on the states that the loop ends with.
 */
export function whileLoop({ init, condition, step, limit }: While): { states: readonly Tensor[]; steps: Tensor } {
  const { states, ys } = scan({
    init,
    xs: [iota(limit)],
    step: (now) => {
      const going = condition(now);
      const next = step(now).map((t, i) => where(going, t, now[i]!));
      return { states: next, ys: [going.cast("f32")] };
    },
  });
  return { states, steps: ys[0]!.sum() };
}
