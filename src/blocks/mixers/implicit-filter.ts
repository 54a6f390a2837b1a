/**
 * Long filters as functions of the lag: a small network over sinusoidal features of it, faded by exponentials
 * (Poli et al. 2023, section 3.3). Axes: L lags, F features, C channels.
 */
import { constant, type Tensor } from "../../tensor/index.ts";
import type { Init } from "../weights/declare.ts";

/** Features of every lag: t = l/(lags − 1), then cosines and negative sines of 2π·f·l/lags for (F − 1)/2 frequencies f. */
export const lagFeatures: Init = {
  kind: "values",
  fill: (_uniform, [lags, features]) => {
    const bands = (features! - 1) / 2;
    const frequency = (band: number) => (bands === 1 ? 1e-4 : 1e-4 + (band * (bands - 1 - 1e-4)) / (bands - 1));
    return Array.from({ length: lags! }, (_, l) => {
      const angle = (band: number) => (2 * Math.PI * frequency(band) * l) / lags!;
      const over = (f: (x: number) => number) => Array.from({ length: bands }, (_, band) => f(angle(band)));
      return [l / Math.max(1, lags! - 1), ...over(Math.cos), ...over((x) => -Math.sin(x))];
    }).flat();
  },
};

/** What the fading reaches at the end of the slowest and fastest channels' reach, and those reaches. */
const fading = { target: 0.01, slow: 1.5, fast: 0.3 };

/** e^(−t·rate) [C, L] with t = l/(lags − 1) and rates spread evenly over the channels. */
export function fadeOf(channels: number, used: number, lags: number): Tensor {
  const rate = (reach: number) => -Math.log(fading.target) / reach;
  const [low, high] = [rate(fading.slow), rate(fading.fast)];
  const rates = Array.from({ length: channels }, (_, i) => low + ((high - low) * i) / Math.max(1, channels - 1));
  const times = Array.from({ length: used }, (_, l) => -l / Math.max(1, lags - 1));
  return constant(rates, [channels, 1])
    .mul(constant(times, [used]))
    .exp();
}
