import { describe, expect, test } from "vitest";
import { countFlops, criticalPath } from "../engine/index.ts";
import { grad } from "../grad/index.ts";
import { input, scan, type Tensor } from "../tensor/index.ts";
import {
  type Arrays,
  expectNaiveAgrees,
  expectNativeAgrees,
  expectSameFunction,
  gradCheck,
  randomNormal,
  type Subject,
} from "../testing/index.ts";
import { associativeScan } from "./associative-scan.ts";

const inputsOf = (T: number): Arrays => ({
  a: randomNormal("a", [2, 3, T], 0.7),
  u: randomNormal("u", [2, 3, T]),
  h: randomNormal("h", [2, 3]),
});

const parallel = (inputs: Arrays): Subject => ({
  inputs,
  build: ({ a, u, h }) => ({ y: associativeScan({ a: a!, u: u!, h: h! }) }),
});

/** One time behind the other. */
const looped = (inputs: Arrays): Subject => ({
  inputs,
  build: ({ a, u, h }) => {
    const first = (x: Tensor) => x.transpose([2, 0, 1]);
    const step = ([now]: readonly Tensor[], [factor, added]: readonly Tensor[]) => {
      const next = now!.mul(factor!).add(added!);
      return { states: [next], ys: [next] };
    };
    return { y: scan({ init: [h!], xs: [first(a!), first(u!)], step }).ys[0]!.transpose([1, 2, 0]) };
  },
});

/** The same over plain arrays. */
function naive({ a, u, h }: Arrays): Arrays {
  const T = a!.shape[2]!;
  const data = new Float64Array(u!.data.length);
  for (let row = 0; row < h!.data.length; row++)
    for (let t = 0, now = h!.data[row]!; t < T; t++) {
      now = a!.data[row * T + t]! * now + u!.data[row * T + t]!;
      data[row * T + t] = now;
    }
  return { y: { shape: u!.shape, data } };
}

describe("[assoc-scan] parallel prefixes of h_t = a_t h_{t−1} + u_t", () => {
  test.each([1, 2, 3, 4, 5, 7, 8, 13, 16, 31])(
    "[assoc-scan] equal the loop in values and gradients at %d times",
    (T) => {
      expectSameFunction(parallel(inputsOf(T)), looped(inputsOf(T)));
      expectNaiveAgrees(parallel(inputsOf(T)), { naive, smooth: "everywhere" });
    },
  );

  test("[assoc-scan] pass the gradient check, also along another axis with one factor for all rows", () => {
    const { a, u, h } = inputsOf(6);
    gradCheck((at) => associativeScan({ a: at["a"]!, u: at["u"]!, h: at["h"]! }), { a: a!, u: u!, h: h! });
    const few = { a: randomNormal("a", [1, 5, 1], 0.7), u: randomNormal("u", [2, 5, 3]) };
    gradCheck((at) => associativeScan({ a: at["a"]!, u: at["u"]!, axis: 1 }), few);
  });

  test("[assoc-scan] agree on the native engine", () => expectNativeAgrees(parallel(inputsOf(11))));

  test("[assoc-scan] cost O(n) operations in O(log n) dependent steps, forward and backward, where the loop takes n", () => {
    const leaves = (n: number) => ({ a: input("a", [n]), u: input("u", [n]) });
    const build = (n: number) => associativeScan(leaves(n));
    const backward = (n: number) => {
      const { a, u } = leaves(n);
      return grad(associativeScan({ a, u }).sum(), [a, u]).map((g) => g!);
    };
    for (const n of [16, 64, 256, 1024, 4096]) {
      const levels = Math.log2(n);
      // A join is a product and a sum; a level joins on the way up, and, but for the last, on the way down.
      expect(criticalPath([build(n)])).toBe(2 * (2 * levels - 1));
      expect(countFlops([build(n)]).total).toBeLessThanOrEqual(2 * 3 * n);
      expect(criticalPath(backward(n))).toBeLessThanOrEqual(10 * levels);
      expect(countFlops(backward(n)).total).toBeLessThanOrEqual(30 * n);
      const { states } = scan({
        init: [input("h", [1])],
        xs: [input("a", [n, 1]), input("u", [n, 1])],
        step: ([h], [a, u]) => ({ states: [h!.mul(a!).add(u!)], ys: [] }),
      });
      expect(criticalPath(states)).toBe(2 * n);
    }
  });
});
