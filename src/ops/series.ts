/** Parts of time series: trend and season, scale and shape. Axes: B batch, T time, D features. */
import { fail, type Tensor } from "../tensor/index.ts";
import { alongAxis } from "./resampling.ts";

/**
 * x [B, T, D] as trend + season: the trend is the mean over `window` times around each, the first and last value repeated
 * beyond the ends. Wu et al. 2021 (Autoformer), eq. 1. Throws E_WINDOW where the window has no middle.
 */
export function decomposeSeries(x_BTD: Tensor, { window }: { window: number }): { trend: Tensor; season: Tensor } {
  if (window % 2 !== 1)
    fail({
      code: "E_WINDOW",
      where: "decomposeSeries.window",
      expected: "an odd number of times",
      got: String(window),
      hint: `Use ${window + 1}.`,
    });
  const [T, reach] = [x_BTD.dim(1), (window - 1) / 2];
  const rows = Array.from({ length: T }, (_, t) => {
    const row = new Array<number>(T).fill(0);
    for (let s = t - reach; s <= t + reach; s++) row[Math.min(T - 1, Math.max(0, s))]! += 1 / window;
    return row;
  });
  const trend = alongAxis(x_BTD, 1, rows);
  return { trend, season: x_BTD.sub(trend) };
}

export interface SeriesScale {
  /** What stands for the level: the mean over time, or the last value. Default mean. */
  centre?: "mean" | "last";
  /** Learned [D] each. */
  gain?: Tensor | undefined;
  offset?: Tensor | undefined;
  /** Added to the variance over time. */
  epsilon?: number;
  /** Whether gradients flow through mean and deviation; through the last value they always do. Default true. */
  learns?: boolean;
}

/**
 * x [B, T, D] over its own level and scale, every series and feature apart, and the way back for what is made of it.
 * Kim et al. 2022 (RevIN), eq. 1–3.
 */
export function normaliseSeries(
  x_BTD: Tensor,
  { centre = "mean", gain, offset, epsilon = 1e-5, learns = true }: SeriesScale = {},
): { normed: Tensor; restore: (z_BSD: Tensor) => Tensor } {
  const fixed = (x: Tensor) => (learns ? x : x.stopGradient());
  const mean = x_BTD.mean(1, true);
  const level = centre === "mean" ? fixed(mean) : x_BTD.slice(1, -1);
  const scale = fixed(x_BTD.sub(mean).square().mean(1, true).add(epsilon).sqrt());
  const plain = x_BTD.sub(level).div(scale);
  const gained = gain ? plain.mul(gain) : plain;
  return {
    normed: offset ? gained.add(offset) : gained,
    restore(z_BSD) {
      const moved = offset ? z_BSD.sub(offset) : z_BSD;
      // A gain of 0 has no way back: the authors' ε² keeps it finite.
      const ungained = gain ? moved.div(gain.add(epsilon ** 2)) : moved;
      return ungained.mul(scale).add(level);
    },
  };
}
