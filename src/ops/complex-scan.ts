/**
 * Elementwise complex recurrences h_t = a_t h_{t−1} + u_t with factors that change with time, in two levels of about √T steps:
 * all chunks at once from zero, then the chunks' ends one after another.
 * Axes: C channels, B batch, T time, N chunks, L times of a chunk; columns [C, B, T].
 */
import { scan, type Tensor, where, zeros } from "../tensor/index.ts";
import { complexProduct, mapComplex } from "./complex.ts";
import type { Complex } from "./fourier.ts";

export interface ComplexScanInput {
  /** |a| ≤ 1, [C, B, T]. */
  a: Complex;
  u: Complex;
  /** Before the first time [B, C]; absent means 0. */
  h?: Complex | undefined;
  /** bool: where false, h passes unchanged. */
  mask_BT?: Tensor | undefined;
}

/** h at every time [C, B, T], and after the last [B, C]. */
export function complexScan({ a, u, h, mask_BT }: ComplexScanInput): { h: Complex; last: Complex } {
  const [C, B, T] = a.re.shape as [number, number, number];
  const L = T <= 16 ? T : Math.ceil(Math.sqrt(T));
  const N = Math.ceil(T / L);
  const split = (x: Tensor, fill: number) =>
    (mask_BT ? where(mask_BT, x, fill) : x)
      .pad(2, 0, N * L - T, fill)
      .reshape([C, B, N, L])
      .transpose([3, 2, 0, 1]);
  const factors = { re: split(a.re, 1), im: split(a.im, 0) };
  const inside = fromZero(
    factors,
    mapComplex(u, (part) => split(part, 0)),
  );
  const start = h ? mapComplex(h, (part) => part.transpose([1, 0])) : { re: zeros([C, B]), im: zeros([C, B]) };
  const { starts, last } = chunkStarts(inside, start);
  const carried = complexProduct(inside.products, starts);
  const join = (x: Tensor) =>
    x
      .transpose([2, 3, 1, 0])
      .reshape([C, B, N * L])
      .slice(2, 0, T);
  return {
    h: { re: join(inside.h.re.add(carried.re)), im: join(inside.h.im.add(carried.im)) },
    last: mapComplex(last, (part) => part.transpose([1, 0])),
  };
}

interface Inside {
  h: Complex;
  products: Complex;
}

const sum = (a: Complex, b: Complex): Complex => ({ re: a.re.add(b.re), im: a.im.add(b.im) });

/** Over L: every chunk's h as if it started at 0, and the products of a since its start; [L, N, C, B]. */
function fromZero(a: Complex, u: Complex): Inside {
  const shape = a.re.shape.slice(1);
  const zero = zeros(shape);
  const { ys } = scan({
    init: [zero, zero, zero.add(1), zero],
    xs: [a.re, a.im, u.re, u.im],
    step: ([re, im, productRe, productIm], [aRe, aIm, uRe, uIm]) => {
      const factor = { re: aRe!, im: aIm! };
      const h = sum(complexProduct({ re: re!, im: im! }, factor), { re: uRe!, im: uIm! });
      const product = complexProduct({ re: productRe!, im: productIm! }, factor);
      const states = [h.re, h.im, product.re, product.im];
      return { states, ys: states };
    },
  });
  return { h: { re: ys[0]!, im: ys[1]! }, products: { re: ys[2]!, im: ys[3]! } };
}

/** Over N: h before each chunk [N, C, B], and after the last. */
function chunkStarts({ h, products }: Inside, start: Complex): { starts: Complex; last: Complex } {
  const ends = (x: Complex) => mapComplex(x, (part) => part.at(0, -1));
  const [product, end] = [ends(products), ends(h)];
  const { states, ys } = scan({
    init: [start.re, start.im],
    xs: [product.re, product.im, end.re, end.im],
    step: ([re, im], [productRe, productIm, endRe, endIm]) => {
      const moved = complexProduct({ re: re!, im: im! }, { re: productRe!, im: productIm! });
      const next = sum(moved, { re: endRe!, im: endIm! });
      return { states: [next.re, next.im], ys: [re!, im!] };
    },
  });
  return { starts: { re: ys[0]!, im: ys[1]! }, last: { re: states[0]!, im: states[1]! } };
}
