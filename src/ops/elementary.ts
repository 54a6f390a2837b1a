/** Elementwise functions composed of the vocabulary. Branches not taken never see the argument, so that their gradients stay zero. */
import { apply1, type Operand, ones, type Tensor, where } from "../tensor/index.ts";

/** Clip to [min, max]; the gradient is 1 strictly inside and 0 on the bounds and beyond. */
export function clamp(x: Tensor, { min, max }: { min?: number; max?: number }): Tensor {
  const raised = min === undefined ? x : where(x.greater(min), x, x.stopGradient().maximum(min));
  return max === undefined ? raised : where(raised.less(max), raised, raised.stopGradient().minimum(max));
}

/** eˣ − 1, accurate near 0: 2t/(1 − t) with t = tanh(x/2). */
export function expm1(x: Tensor): Tensor {
  const near = x.abs().less(1);
  const t = where(near, x, 0).mul(0.5).tanh();
  return where(near, t.mul(2).div(t.neg().add(1)), where(near, 0, x).exp().sub(1));
}

/** log(1 + x), accurate near 0: 2·artanh(x/(2 + x)). */
export function log1p(x: Tensor): Tensor {
  const near = x.abs().less(0.5);
  const small = where(near, x, 0);
  return where(near, apply1("atanh", [small.div(small.add(2))], {}).mul(2), where(near, 0, x).add(1).log());
}

export const exp2 = (x: Tensor): Tensor => x.mul(Math.LN2).exp();
export const log2 = (x: Tensor): Tensor => x.log().mul(Math.LOG2E);
export const rsqrt = (x: Tensor): Tensor => x.sqrt().reciprocal();

/** 1 − erf x. */
export const erfc = (x: Tensor): Tensor => x.erf().neg().add(1);

/** Towards zero. */
export const trunc = (x: Tensor): Tensor => where(x.less(0), apply1("ceil", [x], {}), apply1("floor", [x], {}));

/** What {@link trunc} leaves; its gradient is 1. */
export const frac = (x: Tensor): Tensor => x.sub(trunc(x));

/** sin(πx)/(πx), 1 at 0. */
export function sinc(x: Tensor): Tensor {
  const zero = x.equal(0);
  const angle = where(zero, 1, x).mul(Math.PI);
  return where(zero, 1, angle.sin().div(angle));
}

/** log(x/(1 − x)); x is first clipped to [epsilon, 1 − epsilon] where that is given. */
export function logit(x: Tensor, epsilon?: number): Tensor {
  const p = epsilon === undefined ? x : clamp(x, { min: epsilon, max: 1 - epsilon });
  return p.div(p.neg().add(1)).log();
}

/** √(a² + b²), 0 with gradient 0 at the origin. */
export function hypot(a: Tensor, b: Tensor): Tensor {
  const square = a.square().add(b.square());
  const zero = square.equal(0);
  return where(zero, 0, where(zero, 1, square).sqrt());
}

/** Angle of the point (x = b, y = a) in (−π, π]: atan of the smaller over the larger side, turned into its octant. */
export function atan2(a: Tensor, b: Tensor): Tensor {
  const steep = a.abs().greater(b.abs());
  const origin = a.equal(0).and(b.equal(0));
  const ratio = where(steep, b, a).div(where(origin, 1, where(steep, a, b)));
  const angle = apply1("atan", [ratio], {});
  const side = where(a.less(0), -1, 1);
  const turned = where(b.less(0), angle.add(side.mul(Math.PI)), angle);
  return where(steep, side.mul(Math.PI / 2).sub(angle), turned);
}

/** log(eᵃ + eᵇ), stable: the greater plus log(1 + e^−|a−b|), and where a = b (also both infinite) their sum taken plainly. */
export function logAddExp(a: Tensor, b: Tensor): Tensor {
  const same = a.equal(b);
  const shift = where(a.abs().equal(Number.POSITIVE_INFINITY), 0, a).stopGradient();
  const [p, q] = [a, b].map((t) => where(same, t.sub(shift), 0).exp());
  const correction = where(same, 0, a.sub(b)).abs().neg().softplus();
  return where(same, p!.add(q!).log().add(shift), where(a.less(b), b, a).add(correction));
}

/** a·log b, and 0 where a is 0 unless b is NaN; at a = b = 0 there is no derivative by b, which is NaN. */
export function xlogy(a: Tensor, b: Tensor): Tensor {
  const zero = a.equal(0).and(b.isNaN().not());
  const edge = zero.and(b.lessEqual(0));
  const onEdge = where(edge, 0, where(edge, b, 1).log().mul(a.stopGradient()));
  const value = a.mul(where(edge, 1, b).log());
  return where(edge, onEdge, where(zero.and(b.equal(Number.POSITIVE_INFINITY)), 0, value));
}

/** a + w·(b − a). */
export const lerp = (a: Tensor, b: Tensor, w: Operand): Tensor => a.add(b.sub(a).mul(w));

/** a − b·⌊a/b⌋: the remainder with the sign of b. */
export const remainder = (a: Tensor, b: Tensor): Tensor => a.sub(b.mul(apply1("floor", [a.div(b)], {})));

/** Puts numbers in the place of NaN and infinities; the gradient there is 0. */
export function nanToNum(x: Tensor, { nan = 0, posinf = Number.MAX_VALUE, neginf = -Number.MAX_VALUE } = {}): Tensor {
  const number = where(x.isNaN(), nan, x);
  return where(
    number.equal(Number.POSITIVE_INFINITY),
    posinf,
    where(number.equal(Number.NEGATIVE_INFINITY), neginf, number),
  );
}

/** xᵖ for a number p: 1, x, x², 1/x and √x where it is one of these; −0 to the −1/2 is −∞, as 1/√−0 is. */
export function powerOf(x: Tensor, p: number): Tensor {
  const exact = new Map([
    [1, () => x],
    [2, () => x.square()],
    [-1, () => x.reciprocal()],
    [0.5, () => x.sqrt()],
  ]).get(p);
  if (p === 0) return ones(x.shape);
  if (exact) return exact();
  const zero = x.equal(0);
  return p === -0.5 ? where(zero, where(zero, x, 1).reciprocal(), where(zero, 1, x).pow(p)) : x.pow(p);
}
