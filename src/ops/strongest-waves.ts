/**
 * A series as its strongest waves, which go on where it ends.
 * Axes: B batch, T time, D features, F frequencies 0 … ⌊T/2⌋, S times of the answer.
 */
import { constant, type Tensor } from "../tensor/index.ts";
import { rfft } from "./fourier.ts";

export interface StrongestWaves {
  /** Frequencies kept of each feature, those of the largest amplitude; the mean counts as one. */
  count: number;
  /** Times behind the last at which they are evaluated, too. Default 0. */
  horizon?: number;
}

/**
 * x [B, T, D] → [B, T + horizon, D]: Σ over the kept frequencies f of a_f cos(2π f t / T + φ_f). Which are kept carries no
 * gradient. Woo et al. 2022 (ETSformer), eq. 5–7.
 */
export function strongestWaves(x_BTD: Tensor, { count, horizon = 0 }: StrongestWaves): Tensor {
  const T = x_BTD.dim(1);
  const waves = rfft(x_BTD.swap(1, 2));
  const power_BDF = waves.re.square().add(waves.im.square()).stopGradient();
  const least = power_BDF.topk(-1, Math.min(count, power_BDF.dim(-1))).values.slice(-1, -1);
  const kept = power_BDF.greaterEqual(least).cast("f32");
  const at = (wave: (phase: number) => number) => wavesAt(T, T + horizon, wave);
  const y_BDS = waves.re
    .mul(kept)
    .matmul(at(Math.cos))
    .sub(waves.im.mul(kept).matmul(at(Math.sin)));
  return y_BDS.swap(1, 2);
}

/** [F, S]: a wave of each frequency at each time, times its share of the inverse transform. */
function wavesAt(T: number, times: number, wave: (phase: number) => number): Tensor {
  const bins = Math.floor(T / 2) + 1;
  const share = (f: number) => (f === 0 || 2 * f === T ? 1 : 2) / T;
  const values = Array.from({ length: bins * times }, (_, i) => {
    const [f, t] = [Math.floor(i / times), i % times];
    return share(f) * wave((2 * Math.PI * ((f * t) % T)) / T);
  });
  return constant(values, [bins, times]);
}
