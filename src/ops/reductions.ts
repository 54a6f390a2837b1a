/** Statistics and running reductions composed of the vocabulary. */
import { vjp } from "../grad/index.ts";
import { concat, customGradient, full, iota, type Tensor, where } from "../tensor/index.ts";
import { logAddExp } from "./elementary.ts";

interface Over {
  /** All axes where none are given. */
  axes?: number | readonly number[] | undefined;
  keep?: boolean;
}

/** √x with gradient 0 at 0. */
export function safeSqrt(x: Tensor): Tensor {
  const zero = x.equal(0);
  return where(zero, 0, where(zero, 1, x).sqrt());
}

/** Σ(x − mean)²/(n − correction); the gradient is 2(x − mean)/(n − correction), to which the mean adds nothing. */
export function variance(
  x: Tensor,
  { axes, keep = false, correction = 1 }: Over & { correction?: number } = {},
): Tensor {
  const centred = (t: Tensor) => t.sub(t.mean(axes, true));
  const kept = customGradient([x], {
    forward([t]) {
      const total = centred(t!).square().sum(axes, true);
      return total.div(t!.size / total.size - correction);
    },
    backward: ({ inputs: [t], g }) => [centred(t!).mul(g.mul(2 / (t!.size / g.size - correction)))],
  });
  return keep ? kept : kept.reshape(x.sum(axes).shape);
}

/** Square root of the variance; where it is 0 the gradient is 0. */
export const standardDeviation = (x: Tensor, options: Over & { correction?: number } = {}): Tensor =>
  safeSqrt(variance(x, options));

/** log Σ eˣ, stable; −∞ where every entry is −∞ or there is none. */
export function logSumExp(x: Tensor, { axes, keep = false }: Over = {}): Tensor {
  const top = x.max(axes, true).stopGradient();
  const shift = where(top.abs().equal(Number.POSITIVE_INFINITY), 0, top);
  const total = x.sub(shift).exp().sum(axes, keep);
  return total.log().add(shift.reshape(total.shape));
}

/** (Σ|x|ᵖ)^(1/p): the greatest magnitude for p = ∞, the number of non-zeros for p = 0. */
export function vectorNorm(x: Tensor, p: number, { axes, keep = false }: Over = {}): Tensor {
  if (p === Number.POSITIVE_INFINITY) return x.abs().max(axes, keep);
  if (p === 0) return where(x.equal(0), 0, 1).sum(axes, keep);
  if (p === 1) return x.abs().sum(axes, keep);
  if (p === 2) return safeSqrt(x.square().sum(axes, keep));
  return x
    .abs()
    .pow(p)
    .sum(axes, keep)
    .pow(1 / p);
}

/** The greatest element along an axis and its index; the whole gradient goes to the first that attains it. */
export function maxAlong(x: Tensor, axis: number, keep = false): { values: Tensor; indices: Tensor } {
  const indices = x.argmax(axis).unsqueeze(x.axis(axis));
  const values = x.gatherElements(axis, indices);
  return keep ? { values, indices } : { values: values.squeeze(axis), indices: indices.squeeze(axis) };
}

export function minAlong(x: Tensor, axis: number, keep = false): { values: Tensor; indices: Tensor } {
  const { values, indices } = maxAlong(x.neg(), axis, keep);
  return { values: values.neg(), indices };
}

/** The lower of the middle values along an axis, and its index. */
export function median(x: Tensor, axis: number): { values: Tensor; indices: Tensor } {
  const { values, indices } = x.topk(axis, x.dim(axis), { largest: false });
  const middle = Math.floor((x.dim(axis) - 1) / 2);
  return { values: values.at(axis, middle), indices: indices.at(axis, middle) };
}

/** Position q·(n − 1) of the sorted axis, interpolated linearly; one leading axis for the list of `q`. */
export function quantile(x: Tensor, q: readonly number[], axis: number): Tensor {
  const { values } = x.topk(axis, x.dim(axis), { largest: false });
  const rows = q.map((share) => {
    const position = share * (x.dim(axis) - 1);
    const [low, high] = [values.at(axis, Math.floor(position)), values.at(axis, Math.ceil(position))];
    return low.add(high.sub(low).mul(position % 1)).unsqueeze(0);
  });
  return concat(0, rows);
}

/** Combines every prefix by doubling: log₂ n steps, each joining a value with the one `distance` before it. */
function prefixes<T>(length: number, start: T, join: (value: T, distance: number) => T): T {
  let value = start;
  for (let distance = 1; distance < length; distance *= 2) value = join(value, distance);
  return value;
}

/** The axis moved `distance` on, `fill` entering at its beginning. */
const delayed = (x: Tensor, axis: number, distance: number, fill: number) =>
  x.slice(axis, 0, x.dim(axis) - distance).pad(x.axis(axis), distance, 0, fill);

const runningProduct = (x: Tensor, axis: number): Tensor =>
  prefixes(x.dim(axis), x, (value, distance) => value.mul(delayed(value, axis, distance, 1)));

/** Running product; its gradient is right also where factors are zero. */
export const cumulativeProduct = (x: Tensor, axis: number): Tensor =>
  withFirstGradient(
    x,
    (t) => runningProduct(t, axis),
    (at) => productGradient(at, axis),
  );

/**
 * Σ_{k ≥ i} g[k]·y[k]/x[i] before the first zero; at it the same with the zero left out, up to the next one; then 0.
 */
function productGradient({ x, y, g }: Pulled, axis: number): Tensor {
  const after = (t: Tensor) => t.cumsum(axis, { reverse: true });
  const zeros = x.equal(0).cast("f32").cumsum(axis);
  const before = zeros.equal(0);
  const first = zeros.equal(1).and(x.equal(0));
  const left = after(where(before, g.mul(y), 0)).div(where(before, x, 1));
  const without = runningProduct(where(first, 1, x), axis);
  const at = after(where(zeros.equal(1), g.mul(without), 0));
  return where(before, left, where(first, at, 0));
}

const runningLogSum = (x: Tensor, axis: number): Tensor =>
  prefixes(x.dim(axis), x, (value, distance) =>
    logAddExp(delayed(value, axis, distance, Number.NEGATIVE_INFINITY), value),
  );

/** log of the running sum of eˣ. */
export const logCumulativeSumExp = (x: Tensor, axis: number): Tensor =>
  withFirstGradient(
    x,
    (t) => runningLogSum(t, axis),
    (at) => logSumGradient(at, axis),
  );

/** Σ_{k ≥ i} g[k]·exp(x[i] − y[k]), positive and negative g apart, so that sums are taken of logarithms. */
function logSumGradient({ x, y, g }: Pulled, axis: number): Tensor {
  const part = (size: Tensor) => {
    const terms = where(size.greater(0), size.maximum(0).log(), Number.NEGATIVE_INFINITY).sub(y);
    return runningLogSum(terms.flip(axis), axis).flip(axis).add(x).exp();
  };
  return part(g).sub(part(g.neg()));
}

interface Pulled {
  x: Tensor;
  y: Tensor;
  g: Tensor;
}

/**
 * f with this formula for its gradient, which holds to infinities and costs less; gradients of that one are those of f
 * differentiated twice, as the formula may hide terms that vanish at a point and not around it.
 */
function withFirstGradient(x: Tensor, f: (x: Tensor) => Tensor, first: (at: Pulled) => Tensor): Tensor {
  const plain = (t: Tensor, g: Tensor) => vjp([f(t)], [g], [t])[0]!;
  return customGradient([x], {
    forward: ([t]) => f(t!),
    backward: ({ inputs: [t], y, g }) => [
      customGradient([t!, y.stopGradient(), g], {
        forward: ([x, y, g]) => first({ x: x!, y: y!, g: g! }),
        backward({ inputs: [x, , g], g: cotangent }) {
          const [dx, dg] = vjp([plain(x!, g!)], [cotangent], [x!, g!], [x!, g!]);
          return [dx, undefined, dg];
        },
      }),
    ],
  });
}

/** Running maximum and the last index at which it was attained; the gradient goes there. */
export function cumulativeMax(x: Tensor, axis: number): { values: Tensor; indices: Tensor } {
  const positions = iota(x.dim(axis))
    .reshape(x.shape.map((dim, i) => (i === x.axis(axis) ? dim : 1)))
    .expand(x.shape);
  const indices = prefixes(x.dim(axis), positions, (index, distance) => {
    const [now, earlier] = [x.gatherElements(axis, index), x.gatherElements(axis, delayed(index, axis, distance, 0))];
    return where(now.less(earlier), delayed(index, axis, distance, 0), index);
  });
  return { values: x.gatherElements(axis, indices), indices };
}

/** x[i + 1] − x[i] along an axis, n times. */
export function difference(x: Tensor, axis: number, n = 1): Tensor {
  return n === 0 ? x : difference(x.slice(axis, 1).sub(x.slice(axis, 0, -1)), axis, n - 1);
}

/** Sum of the entries that are numbers. */
export const nanSum = (x: Tensor, axes?: number | readonly number[]): Tensor => where(x.isNaN(), 0, x).sum(axes);

/** Mean of the entries that are numbers. */
export const nanMean = (x: Tensor, axes?: number | readonly number[]): Tensor =>
  nanSum(x, axes).div(where(x.isNaN(), 0, full(x.shape, 1)).sum(axes));
