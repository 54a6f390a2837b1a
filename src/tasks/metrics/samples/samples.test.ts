import { describe, expect, it } from "vitest";
import { createRng } from "../../../ops/index.ts";
import { discoverCases, GoldenCase, goldensMissing } from "../../../testing/goldens/index.ts";
import { klDivergence } from "./divergence.ts";
import { frechetDistance, type Gaussian, gaussianDistance, kernelDistance } from "./frechet.ts";
import { linearAlignment, meanCosine } from "./similarity.ts";
import { symmetricEigen } from "./symmetric-eigen.ts";

const rng = createRng(9);
const rows = (count: number, width: number) =>
  Array.from({ length: count }, () => Array.from({ length: width }, () => rng.uniform() + rng.uniform() - 1));
const angle = 0.7;
/** Turns the first two features. */
const turned = (x: readonly (readonly number[])[]) =>
  x.map(([a, b, ...rest]) => [
    Math.cos(angle) * a! - Math.sin(angle) * b!,
    Math.sin(angle) * a! + Math.cos(angle) * b!,
    ...rest,
  ]);

describe("eigenvalues of symmetric matrices", () => {
  it("give the matrix back, in any size; equal ones and zeros too", () => {
    expect(
      symmetricEigen([
        [2, 1],
        [1, 2],
      ]).values.toSorted(),
    ).toEqual([expect.closeTo(1, 14), expect.closeTo(3, 14)]);
    const half = rows(6, 6);
    const full = half.map((row, i) => row.map((value, j) => value + half[j]![i]!));
    for (const matrix of [
      full,
      [
        [0, 0],
        [0, 0],
      ],
      [
        [5, 0, 0],
        [0, 5, 0],
        [0, 0, 5],
      ],
    ]) {
      const { values, vectors } = symmetricEigen(matrix);
      for (const [i, row] of matrix.entries())
        for (const [j, value] of row.entries())
          expect(values.reduce((sum, l, k) => sum + l * vectors[k]![i]! * vectors[k]![j]!, 0)).toBeCloseTo(value, 12);
    }
  });
});

describe("sets of feature vectors", () => {
  it("[fid] equals the closed form on Gaussians whose covariances commute and on some that do not", () => {
    const diagonal = (mean: number[], variances: number[]): Gaussian => ({
      mean,
      covariance: variances.map((v, i) => variances.map((_, j) => (i === j ? v : 0))),
    });
    // (1 − 0)² + (3 − 1)² + (2 − 1)² + (1 − 3)² of means and deviations.
    expect(gaussianDistance(diagonal([1, 3], [4, 1]), diagonal([0, 1], [1, 9]))).toBeCloseTo(10, 10);
    // tr((ΣxΣy)^½) of 2 × 2 matrices is √(tr(ΣxΣy) + 2 √(det Σx det Σy)): here √(8 + 2 √(3 · 4)).
    const [x, y] = [
      {
        mean: [0, 0],
        covariance: [
          [2, 1],
          [1, 2],
        ],
      },
      {
        mean: [0, 0],
        covariance: [
          [1, 0],
          [0, 4],
        ],
      },
    ];
    expect(gaussianDistance(x, y)).toBeCloseTo(4 + 5 - 2 * Math.sqrt(10 + 2 * Math.sqrt(12)), 10);
    expect(gaussianDistance(y, x)).toBeCloseTo(gaussianDistance(x, y), 10);
  });

  it("[fid] is 0 for a set and itself, does not heed rotations of both, and grows with a shift by its square", () => {
    const x = rows(40, 4);
    const y = rows(30, 4);
    expect(frechetDistance(x, x)).toBeCloseTo(0, 10);
    expect(frechetDistance(turned(x), turned(y))).toBeCloseTo(frechetDistance(x, y), 9);
    expect(
      frechetDistance(
        x,
        x.map((row) => row.map((value) => value + 2)),
      ),
    ).toBeCloseTo(16, 9);
  });

  it("[similarity-cos-cka] CKA heeds neither rotation nor scale nor shift, and tells independent sets apart", () => {
    const x = rows(60, 3);
    const moved = turned(x).map((row) => row.map((value) => 5 * value + 1));
    expect(linearAlignment(x, moved)).toBeCloseTo(1, 12);
    const stretched = x.map(([a, ...rest]) => [100 * a!, ...rest]);
    expect(linearAlignment(x, stretched)).toBeLessThan(0.9);
    expect(linearAlignment(x, rows(60, 5))).toBeLessThan(0.3);
    // Columns [−1, 0, 1] and [1, −2, 1] are centred and at right angles.
    expect(linearAlignment([[-1], [0], [1]], [[1], [-2], [1]])).toBeCloseTo(0, 12);
  });

  it("[similarity-cos-cka] cosine is the mean over rows, and heeds rotations", () => {
    expect(
      meanCosine(
        [
          [1, 0],
          [1, 1],
        ],
        [
          [2, 0],
          [-1, 1],
        ],
      ),
    ).toBeCloseTo(0.5, 12);
    const x = rows(5, 2);
    expect(meanCosine(x, turned(x))).toBeCloseTo(Math.cos(angle), 12);
  });

  it("[kl-circuit] is 0 for the model itself and for shifted logits, never below 0, and what enumeration gives", () => {
    const logits = rows(50, 4);
    expect(klDivergence({ full: logits, part: logits })).toBe(0);
    expect(klDivergence({ full: logits, part: logits.map((row) => row.map((x) => x + 7)) })).toBeCloseTo(0, 12);
    for (const row of logits) expect(klDivergence({ full: [row], part: [logits[0]!] })).toBeGreaterThanOrEqual(0);
    // ½ ln(½ / ¼) + ¼ ln(¼ / ½) + ¼ ln(¼ / ¼) = ¼ ln 2
    const logs = (probs: number[]) => probs.map(Math.log);
    const [full, part] = [logs([0.5, 0.25, 0.25]), logs([0.25, 0.5, 0.25])];
    expect(klDivergence({ full: [full], part: [part] })).toBeCloseTo(Math.LN2 / 4, 12);
    expect(klDivergence({ full: [full, full], part: [part, full] })).toBeCloseTo(Math.LN2 / 8, 12);
    expect(klDivergence({ full: [[1000, 0]], part: [[1000, 0]] })).toBe(0);
  });

  it("refuses what cannot be compared", () => {
    expect(() => frechetDistance([[1, 2]], [[1, 2]])).toThrow("rows: expected at least two, got 1. [E_METRIC_INPUT]");
    expect(() => frechetDistance([[1, 2], [1]], [[1, 2]])).toThrow("rows[1]: expected 2 values, got 1");
    expect(() => linearAlignment([[1]], [])).toThrow("y: expected 1 values, got 0");
    expect(() => meanCosine([[1, 2]], [[1]])).toThrow("row: expected 2 values, got 1");
    expect(() => klDivergence({ full: [[1, 2]], part: [[1]] })).toThrow("part: expected 2 values, got 1");
  });
});

const missing = goldensMissing();
describe.skipIf(missing)(`torchmetrics' FID and KID (${missing ?? "goldens"})`, () => {
  const cases = discoverCases().filter(({ kind, component }) => kind === "analysis" && component === "frechet");

  it("has cases", () => expect(cases.length).toBeGreaterThan(0));

  it.each(cases)("[fid] $name", (place) => {
    const golden = new GoldenCase(place);
    const width = golden.number("D");
    const read = (name: string, count: number) =>
      Array.from({ length: count }, (_, i) => Array.from(golden.values(name).subarray(i * width, (i + 1) * width)));
    const [x, y] = [read("in.x", golden.number("N")), read("in.y", golden.number("M"))];
    const close = (value: number, name: string) =>
      expect(Math.abs(value / golden.values(name)[0]! - 1)).toBeLessThan(1e-5);
    close(frechetDistance(x, y), "out.fid");
    close(kernelDistance(x, y.slice(0, x.length)), "out.kid");
  });
});
