import { describe, expect, test } from "vitest";
import { concat, constant } from "../tensor/index.ts";
import { gradCheck, type NdArray, randomNormal, run } from "../testing/index.ts";
import { fastfood, fourierFeatures, walshHadamard } from "./random-features.ts";
import { createRng, fnv1a, type Rng } from "./rng.ts";

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const normal = (rng: Rng) => Math.sqrt(-2 * Math.log(1 - rng.uniform())) * Math.cos(2 * Math.PI * rng.uniform());

const K = 8;
const [x, y] = [randomNormal("x", [1, K], 0.5), randomNormal("y", [1, K], 0.5)];
const squaredDistance = x.data.reduce((sum, value, i) => sum + (value - y.data[i]!) ** 2, 0);
const kernel = Math.exp(-squaredDistance / 2);

/** Estimates φ(x)·φ(y) with these frequencies, [draws, m, K]. */
const estimates = (omega: NdArray): number[] => {
  const { products } = run({
    inputs: { x, y, omega },
    build: (at) => {
      const features = (name: "x" | "y") => fourierFeatures(at[name]!.unsqueeze(0), at.omega!);
      return { products: features("x").mul(features("y")).sum(-1) };
    },
  });
  return [...products!.data];
};

const gaussian = (draws: number, m: number): NdArray => {
  const rng = createRng(fnv1a(`omega ${m}`));
  return { shape: [draws, m, K], data: Float64Array.from({ length: draws * m * K }, () => normal(rng)) };
};

function spread(values: readonly number[]): number {
  return Math.sqrt(mean(values.map((value) => (value - kernel) ** 2)));
}

test("[random-fourier-features] the mean of φ(x)·φ(y) is exp(−|x − y|²/2), and its error falls as m^−½", () => {
  const draws = 2000;
  const few = estimates(gaussian(draws, 16));
  expect(Math.abs(mean(few) - kernel)).toBeLessThan((4 * spread(few)) / Math.sqrt(draws));
  const slope = Math.log(spread(estimates(gaussian(draws, 64))) / spread(few)) / Math.log(4);
  expect(slope).toBeGreaterThan(-0.6);
  expect(slope).toBeLessThan(-0.4);
});

/** Entry of Sylvester's matrix: −1 to the number of ones that two indices share. */
const sign = (i: number, j: number): number => {
  let [both, odd] = [i & j, 0];
  for (; both > 0; both >>= 1) odd ^= both & 1;
  return odd ? -1 : 1;
};

/** A block of n rows drawn as Le et al. 2013 do: lengths of S as those of Gaussian vectors. */
function drawn(n: number, rng: Rng) {
  const gaussians = range(n).map(() => normal(rng));
  const size = Math.hypot(...gaussians);
  const order = range(n);
  for (let i = n - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  const vector = (values: readonly number[]) => constant(values, [n]);
  return {
    signs: vector(range(n).map(() => (rng.uniform() < 0.5 ? -1 : 1))),
    permutation: order,
    gaussians: vector(gaussians),
    scales: vector(range(n).map(() => Math.hypot(...range(n).map(() => normal(rng))) / size)),
  };
}

describe("[fastfood]", () => {
  test("[fastfood] the fast transform is the product with the dense Hadamard matrix, and its own inverse but for n", () => {
    for (const n of [1, 2, 8, 32]) {
      const inputs = { x: randomNormal("rows", [3, n]) };
      const { fast, dense, twice } = run({
        inputs,
        build: ({ x: rows }) => {
          const matrix = constant(
            range(n * n).map((k) => sign(Math.floor(k / n), k % n)),
            [n, n],
          );
          return {
            fast: walshHadamard(rows!),
            dense: rows!.matmul(matrix),
            twice: walshHadamard(walshHadamard(rows!)).div(n),
          };
        },
      });
      expect(fast!).toBeAllclose(dense!, { tolerance: 1e-12 });
      expect(twice!).toBeAllclose(inputs.x, { tolerance: 1e-12 });
    }
    gradCheck(({ x: rows }) => walshHadamard(rows!), { x: randomNormal("rows", [2, 4]) });
    expect(() => walshHadamard(constant([1, 2, 3], [3]))).toThrow(
      "walshHadamard: expected a power of two along the last axis, got 3. Fill up with zeros. [E_POWER_OF_TWO]",
    );
  });

  test("[fastfood] its kernel errs by the same order as that of a dense Gaussian matrix, with no bias", () => {
    const draws = 400;
    const rng = createRng(3);
    const { omega } = run({
      inputs: {},
      build: () => {
        const eye = constant(
          range(K * K).map((k) => (k % (K + 1) === 0 ? 1 : 0)),
          [K, K],
        );
        // Rows of the matrix stand in the columns of what it makes of unit vectors.
        const blocks = range(draws).map(() => fastfood(eye, drawn(K, rng)).transpose([1, 0]).unsqueeze(0));
        return { omega: concat(0, blocks) };
      },
    });
    const [fast, dense] = [estimates(omega!), estimates(gaussian(draws, K))];
    expect(Math.abs(mean(fast) - kernel)).toBeLessThan((4 * spread(fast)) / Math.sqrt(draws) + 0.01);
    expect(spread(fast) / spread(dense)).toBeGreaterThan(0.5);
    expect(spread(fast) / spread(dense)).toBeLessThan(1.5);
  });
});
