import { customGradient, type Tensor, where } from "../tensor/index.ts";

/** Coefficients by falling power of w − 2.5 and √w − 3, w = −log(1 − y²) (Giles 2010, single precision). */
const central = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503, -0.00417768164,
  0.246640727, 1.50140941,
];
const tail = [
  -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
  1.00167406, 2.83297682,
];

/** The x with erf x = y: ±∞ at ±1, NaN beyond. */
export const inverseErf = (y: Tensor): Tensor =>
  customGradient([y], {
    forward: ([t]) => inverseErfOf(t!),
    backward: ({ y: x, g }) => [g.mul(slope(x))],
  });

/** dx/dy = √π/2·e^(x²). */
const slope = (x: Tensor): Tensor =>
  x
    .square()
    .exp()
    .mul(Math.sqrt(Math.PI) / 2);

/** Giles' polynomials, and where erf is not yet flat two steps of Newton's, which double the digits. */
function inverseErfOf(y: Tensor): Tensor {
  const edge = y.abs().equal(1);
  const inner = where(edge, 0, y);
  const w = inner.neg().add(1).mul(inner.add(1)).log().neg();
  const near = w.less(5);
  const p = where(near, horner(w.sub(2.5), central), horner(where(near, 9, w).sqrt().sub(3), tail));
  const x = p.mul(inner);
  const steep = inner.abs().less(0.99);
  const newton = (at: Tensor) =>
    at.sub(
      at
        .erf()
        .sub(where(steep, inner, 0))
        .mul(slope(at)),
    );
  const refined = newton(newton(where(steep, x, 0)));
  return where(edge, y.mul(Number.POSITIVE_INFINITY), where(steep, refined, x));
}

const horner = (x: Tensor, [first, ...rest]: readonly number[]): Tensor =>
  rest.reduce((sum, c) => sum.mul(x).add(c), x.mul(0).add(first!));
