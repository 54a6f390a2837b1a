import { iota, type Tensor, where } from "../tensor/index.ts";

/** Shares that a step (or all steps so far) of discrete diffusion keeps, spreads over the real classes, and masks: 1 = a + n·b + c. */
export interface TransitionShares {
  /** Kept. */
  a: number;
  /** To each of the n real classes. */
  b: number;
  /** To the mask. */
  c: number;
}

/**
 * Reverse step of discrete diffusion with n real classes and a mask (the last class), by a prediction p(x₀) [..., n]:
 * Σ_x₀ q(x_{t−1} | x_t, x₀) p(x₀), q(x_{t−1} | x_t, x₀) = Q_t(x_t | x_{t−1})·Q̄_{t−1}(x_{t−1} | x₀) / Q̄_t(x_t | x₀)
 * (Austin et al. 2021, arXiv 2107.03006, eq. 3; b = 0 is absorbing, c = 0 uniform diffusion). x_t i32 [...] → [..., n + 1].
 */
export function discretePosterior(
  p_x0: Tensor,
  x_t: Tensor,
  { step, before, through }: { step: TransitionShares; before: TransitionShares; through: TransitionShares },
): Tensor {
  const n = p_x0.dim(-1);
  const at = x_t.unsqueeze(-1);
  const masked = at.equal(n);
  const real = iota(n);
  // Q̄_t(x_t | x₀) for every x₀, and p(x₀) divided by it; classes that cannot lead to x_t weigh nothing.
  const reached = where(masked, through.c, where(at.equal(real), through.a + through.b, through.b));
  const ratio = where(reached.greater(0), p_x0.div(where(reached.greater(0), reached, 1)), 0);
  const total = ratio.sum(-1, true);
  // Over x_{t−1}: how it leads to x_t, times how the x₀ lead to it.
  const toReal = where(masked, step.c, where(at.equal(real), step.a + step.b, step.b));
  const classes = toReal.mul(ratio.mul(before.a).add(total.mul(before.b)));
  const mask = where(masked, total.mul(before.c), 0);
  return classes.pad(-1, 0, 1).add(mask.pad(-1, n, 0));
}
