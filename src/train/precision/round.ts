import { type Tensor, where } from "../../tensor/index.ts";
import { formats, type StorageKind } from "./formats.ts";

/** Above this magnitude bf16 is rounded after scaling, so that nothing on the way overflows. */
const huge = 2 ** 64;

/**
 * Rounds to the nearest value of a format, ties to even, by additions and products alone, so that update kernels can run it.
 * `one` is the number 1 fed at run time: what 1 + 2⁻³⁰ gives tells whether the engine computes in f32 or in f64.
 *
 * With u the unit in the last place of the format at x: (x + 1.5·2^(p−1)·u) − 1.5·2^(p−1)·u, where p is the precision of the
 * engine. In graphs ONNX Runtime's Where may turn −0 into 0. The power of two in u: Rump 2012 ("Error estimation of floating-point summation and dot product"), algorithm 3.
 */
export function roundTo(x: Tensor, kind: StorageKind, one: Tensor): Tensor {
  if (kind === "f32") return x;
  const { fractionBits, minExponent, largest, overflow } = formats[kind];
  const single = isSingle(one);
  const magnitude = x.abs();
  const scale = largest > huge ? where(magnitude.less(huge), 1, 1 / huge) : undefined;
  const inRange = scale ? magnitude.mul(scale) : magnitude.minimum(2 * largest);
  const power = powerBelow(inRange, one, single).maximum(2 ** minExponent);
  const pin = power.mul(where(single, 1.5 * 2 ** (23 - fractionBits), 1.5 * 2 ** (52 - fractionBits)));
  const pinned = inRange.add(pin).sub(pin);
  const near = scale ? pinned.div(scale) : pinned;
  const kept = where(near.lessEqual(largest), near, overflow);
  // Zeros and NaN, neither of which is above 0, stay what they are.
  return where(magnitude.greater(0), where(x.less(0), kept.neg(), kept), x);
}

/** Factors are taken of magnitudes in this range only, where nothing on the way overflows. */
const [least, most] = [2 ** -80, 2 ** 80];

/**
 * The same with a scale of the tensor's own (Micikevicius et al. 2022, arXiv 2209.05433, section 3.1): the greatest power of two
 * that leaves its largest magnitude within the format. Formats with the range of f32 need none.
 */
export function roundScaled(x: Tensor, kind: StorageKind, one: Tensor): Tensor {
  if (kind === "f32" || formats[kind].largest > huge || x.size === 0) return roundTo(x, kind, one);
  const single = isSingle(one);
  const magnitude = x.abs().max();
  const finite = where(magnitude.lessEqual(most), magnitude.maximum(least), most);
  const scale = powerBelow(finite.reciprocal().mul(formats[kind].largest), one, single);
  return roundTo(x.mul(scale), kind, one).div(scale);
}

/** Whether the engine computes in f32. */
const isSingle = (one: Tensor): Tensor =>
  one
    .add(2 ** -30)
    .sub(one)
    .equal(0);

/** The power of two at or below each number, 0 for 0. */
function powerBelow(x: Tensor, one: Tensor, single: Tensor): Tensor {
  const spread = x.mul(where(single, 2 ** 23, 2 ** 52).add(one));
  return spread.sub(spread.mul(one.sub(where(single, 2 ** -24, 2 ** -53)))).abs();
}
