/** The gamma function's logarithm and that one's derivatives; each is the gradient of the one before. */
import { apply1, customGradient, type Tensor, where } from "../tensor/index.ts";

/** log |Γ(x)|: ∞ at 0, −1, −2, … and at ±∞. */
export const logGamma = (x: Tensor): Tensor =>
  customGradient([x], {
    forward: ([t]) => logGammaOf(t!),
    backward: ({ inputs: [t], g }) => [g.mul(digamma(t!))],
  });

/** Γ′/Γ: ∓∞ at ±0, NaN at −1, −2, …. */
export const digamma = (x: Tensor): Tensor =>
  customGradient([x], {
    forward: ([t]) => digammaOf(t!),
    backward: ({ inputs: [t], g }) => [g.mul(trigamma(t!))],
  });

const ceil = (x: Tensor): Tensor => apply1("ceil", [x], {});

/** From here on asymptotic series are used; smaller arguments are raised by as much with the recurrences. */
const start = 8;

interface Raised {
  /** x, or x + `start` where x is smaller than that. */
  raised: Tensor;
  /** Σ f(x + i) over the steps that were skipped. */
  skipped: (f: (x: Tensor) => Tensor) => Tensor;
}

function raise(x: Tensor): Raised {
  const small = x.less(start);
  const near = where(small, x, 1);
  const sum = (f: (x: Tensor) => Tensor) =>
    Array.from({ length: start }, (_, i) => f(near.add(i))).reduce((total, t) => total.add(t));
  return { raised: where(small, near.add(start), x), skipped: (f) => where(small, sum(f), 0) };
}

/** Below 1/2 by reflection: Γ(x)·Γ(1 − x) = π/sin πx. */
function logGammaOf(x: Tensor): Tensor {
  const low = x.less(0.5);
  const sine = x.sub(ceil(x)).mul(Math.PI).sin().abs();
  const right = logGammaRight(where(low, x.neg().add(1), x));
  const left = sine.reciprocal().mul(Math.PI).log().sub(right);
  return where(x.equal(Number.NEGATIVE_INFINITY), Number.POSITIVE_INFINITY, where(low, left, right));
}

/** (x − ½)(log x − 1) − ½ + ½ log 2π + 1/12x − 1/360x³ + 1/1260x⁵ − 1/1680x⁷ (Abramowitz & Stegun 6.1.41), for x ≥ 1/2. */
function logGammaRight(x: Tensor): Tensor {
  const { raised, skipped } = raise(x);
  const inverse = raised.reciprocal();
  const series = polynomial(inverse.square(), [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188]).mul(inverse);
  const main = raised.sub(0.5).mul(raised.log().sub(1));
  return main
    .add(0.5 * Math.log(2 * Math.PI) - 0.5)
    .add(series)
    .sub(skipped((t) => t.log()));
}

/** Below 0 by reflection: ψ(1 − x) − ψ(x) = π/tan πx. */
function digammaOf(x: Tensor): Tensor {
  const low = x.less(0);
  const whole = x.equal(ceil(x));
  const right = digammaRight(where(low, x.neg().add(1), x));
  const tangent = apply1("tan", [x.sub(ceil(x)).mul(Math.PI)], {});
  const left = where(whole, Number.NaN, right.sub(tangent.reciprocal().mul(Math.PI)));
  return where(x.equal(0), x.reciprocal().neg(), where(low, left, right));
}

/** log x − 1/2x − 1/12x² + 1/120x⁴ − 1/252x⁶ + 1/240x⁸ − 1/132x¹⁰ (6.3.18); ψ(x) = ψ(x + 1) − 1/x. */
function digammaRight(x: Tensor): Tensor {
  const { raised, skipped } = raise(x);
  const inverse = raised.reciprocal();
  const square = inverse.square();
  const series = polynomial(square, [1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132]).mul(square);
  return raised
    .log()
    .sub(inverse.mul(0.5))
    .sub(series)
    .sub(skipped((t) => t.reciprocal()));
}

/** The second derivative of log Γ; below 1/2 by reflection: ψ′(x) + ψ′(1 − x) = π²/sin² πx. */
export function trigamma(x: Tensor): Tensor {
  const low = x.less(0.5);
  const right = trigammaRight(where(low, x.neg().add(1), x));
  const sine = where(low, x, 0.5).mul(Math.PI).sin();
  const reflected = sine
    .square()
    .reciprocal()
    .mul(Math.PI ** 2);
  return where(low, reflected.sub(right), right);
}

/** 1/x + 1/2x² + 1/6x³ − 1/30x⁵ + 1/42x⁷ − 1/30x⁹ + 5/66x¹¹ (6.4.12); ψ′(x) = ψ′(x + 1) + 1/x². */
function trigammaRight(x: Tensor): Tensor {
  const { raised, skipped } = raise(x);
  const inverse = raised.reciprocal();
  const square = inverse.square();
  const series = polynomial(square, [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66]).mul(square);
  return inverse.mul(inverse.mul(0.5).add(series).add(1)).add(skipped((t) => t.square().reciprocal()));
}

/** Σ coefficients[k]·xᵏ by Horner's rule. */
function polynomial(x: Tensor, coefficients: readonly number[]): Tensor {
  const [last, ...rest] = coefficients.toReversed() as [number, ...number[]];
  return rest.reduce((sum, c) => sum.mul(x).add(c), x.mul(0).add(last));
}
