/** Normalisations other than the vocabulary's layerNorm and rmsNorm. */
import { type Tensor, zeros } from "../tensor/index.ts";
import { variance } from "./reductions.ts";

interface Affine {
  gain?: Tensor | undefined;
  bias?: Tensor | undefined;
  epsilon?: number;
}

/** (x − mean)/√(variance + ε) over axes; the variance divides by n. */
export function standardize(x: Tensor, axes: number | readonly number[], epsilon: number): Tensor {
  const centred = x.sub(x.mean(axes, true));
  return centred.div(variance(x, { axes, keep: true, correction: 0 }).add(epsilon).sqrt());
}

/** Gain and bias per channel (axis 1). */
function perChannel(x: Tensor, { gain, bias }: Affine): Tensor {
  const column = (t: Tensor) => t.reshape([x.dim(1), ...x.shape.slice(2).map(() => 1)]);
  const scaled = gain ? x.mul(column(gain)) : x;
  return bias ? scaled.add(column(bias)) : scaled;
}

/** Over blocks of channels and all later axes of x [B, C, ...]. Wu & He 2018. */
export function groupNorm(x: Tensor, groups: number, { epsilon = 1e-5, ...affine }: Affine = {}): Tensor {
  const blocks = x.reshape([x.dim(0), groups, -1]);
  return perChannel(standardize(blocks, -1, epsilon).reshape(x.shape), affine);
}

/** Each channel of each sample over its later axes. Ulyanov et al. 2016. */
export const instanceNorm = (x: Tensor, affine: Affine = {}): Tensor => groupNorm(x, x.dim(1), affine);

interface BatchNorm extends Affine {
  mean: Tensor;
  variance: Tensor;
  training: boolean;
  momentum?: number;
}

/** Over all axes but 1; running values take the unbiased variance. Ioffe & Szegedy 2015, algorithm 1. */
export function batchNorm(
  x: Tensor,
  { training, momentum = 0.1, epsilon = 1e-5, ...s }: BatchNorm,
): { y: Tensor; mean: Tensor; variance: Tensor } {
  const axes = x.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const column = (t: Tensor) => t.reshape([x.dim(1), ...x.shape.slice(2).map(() => 1)]);
  if (!training) {
    const normal = x.sub(column(s.mean)).div(column(s.variance).add(epsilon).sqrt());
    return { y: perChannel(normal, s), mean: s.mean, variance: s.variance };
  }
  const blend = (running: Tensor, batch: Tensor) => running.mul(1 - momentum).add(batch.stopGradient().mul(momentum));
  return {
    y: perChannel(standardize(x, axes, epsilon), s),
    mean: blend(s.mean, x.mean(axes)),
    variance: blend(s.variance, variance(x, { axes })),
  };
}

/** x/(k + α/n · Σ x² over n neighbouring channels)^β. Krizhevsky et al. 2012, section 3.3. */
export function localResponseNorm(
  x: Tensor,
  { size, alpha, beta, k }: { size: number; alpha: number; beta: number; k: number },
): Tensor {
  const before = Math.floor(size / 2);
  const padded = x.square().pad(1, before, size - 1 - before);
  const sums = Array.from({ length: size }, (_, i) => padded.slice(1, i, i + x.dim(1))).reduce(
    (a, b) => a.add(b),
    zeros(x.shape),
  );
  return x.div(
    sums
      .mul(alpha / size)
      .add(k)
      .pow(beta),
  );
}
