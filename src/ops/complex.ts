/** Complex arithmetic on pairs of real tensors, for state-space models. */
import { concat, ones, type Tensor, zeros } from "../tensor/index.ts";
import type { Complex } from "./fourier.ts";

export const complexProduct = (a: Complex, b: Complex): Complex => ({
  re: a.re.mul(b.re).sub(a.im.mul(b.im)),
  im: a.re.mul(b.im).add(a.im.mul(b.re)),
});

/** Applies a real map to both parts. */
export const mapComplex = (a: Complex, map: (part: Tensor) => Tensor): Complex => ({ re: map(a.re), im: map(a.im) });

/** Parts of an interleaved last axis (real, imaginary), as stored by most sources. */
export const fromPairs = (pairs: Tensor): Complex => ({ re: pairs.at(-1, 0), im: pairs.at(-1, 1) });

export function complexReciprocal({ re, im }: Complex): Complex {
  const size = re.square().add(im.square());
  return { re: re.div(size), im: im.neg().div(size) };
}

export function complexExp({ re, im }: Complex): Complex {
  const scale = re.exp();
  return { re: scale.mul(im.cos()), im: scale.mul(im.sin()) };
}

/** e^z − 1 for Re z ≤ 0, exact to rounding also where z is near 0: e^x − 1 = 2t/(1 − t) with t = tanh(x/2). */
export function complexExpm1({ re, im }: Complex): Complex {
  const t = re.div(2).tanh();
  const grown = t.mul(2).div(t.neg().add(1));
  const half = im.div(2).sin();
  return { re: grown.mul(im.cos()).sub(half.square().mul(2)), im: re.exp().mul(im.sin()) };
}

/** a⁰ … a^(2^levels − 1) along a new last axis, and a^(2^k) for k = 0 … levels, all by doubling. */
export function complexPowers(a: Complex, levels: number): { powers: Complex; squares: Complex[] } {
  const squares = [a];
  let powers: Complex = { re: ones([...a.re.shape, 1]), im: zeros([...a.re.shape, 1]) };
  for (let k = 0; k < levels; k++) {
    const last = squares[k]!;
    const later = complexProduct(
      powers,
      mapComplex(last, (part) => part.unsqueeze(-1)),
    );
    powers = { re: concat(-1, [powers.re, later.re]), im: concat(-1, [powers.im, later.im]) };
    squares.push(complexProduct(last, last));
  }
  return { powers, squares };
}
