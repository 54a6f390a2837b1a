/**
 * Elementwise linear recurrences h_t = a_t ⊙ h_{t−1} + u_t in two levels of about √T steps: all chunks at once from zero,
 * then the chunks' ends one after another. Axes: C channels, B batch, T time, N chunks, L times of a chunk; columns [C, B, T].
 */
import { scan, type Tensor, where, zeros } from "../tensor/index.ts";

export interface LinearScanOptions {
  /** Factors in [−1, 1]. */
  a_CBT: Tensor;
  u_CBT: Tensor;
  /** Before the first time; absent means 0. */
  h_BC?: Tensor | undefined;
  /** bool: where false, h passes unchanged. */
  mask_BT?: Tensor | undefined;
}

/** h at every time, and after the last. */
export function linearScan({ a_CBT, u_CBT, h_BC, mask_BT }: LinearScanOptions): { h_CBT: Tensor; h_BC: Tensor } {
  const [C, B, T] = a_CBT.shape as [number, number, number];
  const L = T <= 16 ? T : Math.ceil(Math.sqrt(T));
  const N = Math.ceil(T / L);
  const real = (x: Tensor, fill: number) => (mask_BT ? where(mask_BT, x, fill) : x);
  const split = (x: Tensor, fill: number) =>
    real(x, fill)
      .pad(2, 0, N * L - T, fill)
      .reshape([C, B, N, L])
      .transpose([3, 2, 0, 1]);
  const [a, u] = [split(a_CBT, 1), split(u_CBT, 0)];
  const start = h_BC?.transpose([1, 0]) ?? zeros([C, B]);
  const inside = fromZero(a, u);
  const { starts, last } = chunkStarts({ products: inside.products.at(0, -1), ends: inside.h.at(0, -1), start });
  const h = inside.h
    .add(inside.products.mul(starts))
    .transpose([2, 3, 1, 0])
    .reshape([C, B, N * L]);
  return { h_CBT: h.slice(2, 0, T), h_BC: last.transpose([1, 0]) };
}

/** One time: [C, B, 1] and h [B, C]. */
export function linearStep({ a_CBT, u_CBT, h_BC }: LinearScanOptions & { h_BC: Tensor }): {
  h_CBT: Tensor;
  h_BC: Tensor;
} {
  const h_CB = a_CBT
    .squeeze(2)
    .mul(h_BC.transpose([1, 0]))
    .add(u_CBT.squeeze(2));
  return { h_CBT: h_CB.unsqueeze(2), h_BC: h_CB.transpose([1, 0]) };
}

/** Over L: every chunk's h as if it started at 0, and the products of a since its start; [L, N, C, B]. */
function fromZero(a: Tensor, u: Tensor): { h: Tensor; products: Tensor } {
  const shape = a.shape.slice(1);
  const { ys } = scan({
    init: [zeros(shape), zeros(shape).add(1)],
    xs: [a, u],
    step: ([h, product], [factor, added]) => {
      const states = [h!.mul(factor!).add(added!), product!.mul(factor!)];
      return { states, ys: states };
    },
  });
  return { h: ys[0]!, products: ys[1]! };
}

/** Over N: h before each chunk [N, C, B], and after the last. */
function chunkStarts({ products, ends, start }: { products: Tensor; ends: Tensor; start: Tensor }): {
  starts: Tensor;
  last: Tensor;
} {
  const { states, ys } = scan({
    init: [start],
    xs: [products, ends],
    step: ([h], [product, end]) => ({ states: [h!.mul(product!).add(end!)], ys: [h!] }),
  });
  return { starts: ys[0]!, last: states[0]! };
}
