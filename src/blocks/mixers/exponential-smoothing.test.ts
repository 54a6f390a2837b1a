import { describe, expect, test } from "vitest";
import { longConv } from "../../ops/index.ts";
import { constant } from "../../tensor/index.ts";
import { mixerSuite, type NaiveMixerArguments, plainIo, randomNormal, run, weightsFrom } from "../../testing/index.ts";
import { exponentialSmoothing } from "./exponential-smoothing.ts";
import { range, times } from "./plain-loops.ts";

type C = ReturnType<typeof exponentialSmoothing.config.parse>;
type At = NaiveMixerArguments<C, ReturnType<typeof exponentialSmoothing.dims>>;
type Matrix = readonly (readonly number[])[];

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Woo et al. 2022, eq. 3, token by token; states are less the start. */
function naive({ x, p, c, d, s }: At) {
  const start = p.start as number[];
  const given = (field: string, b: number) => (s as Record<string, number[][]> | undefined)?.[field]?.[b];
  const map = (row: readonly number[], name: string) =>
    times(row, p[name] as unknown as Matrix, p[`${name}Bias`] as number[] | undefined);
  const states = { average: [] as number[][], last: [] as number[][] };
  const y = x.map((tokens, b) => {
    let average = start.map((from, i) => from + (given("average", b)?.[i] ?? 0));
    let last = start.map((from, i) => from + (given("last", b)?.[i] ?? 0));
    const rows = tokens.map((token) => {
      const v = map(token, "value");
      average = average.map((held, i) => {
        const share = sigmoid(Number((p.share as number[])[Math.floor(i / d.K)]));
        return share * (c.of === "changes" ? v[i]! - last[i]! : v[i]!) + (1 - share) * held;
      });
      last = v;
      return map(average, "out");
    });
    states.average.push(average.map((held, i) => held - start[i]!));
    states.last.push(last.map((held, i) => held - start[i]!));
    return rows;
  });
  return { y, s: c.of === "changes" ? states : { average: states.average } };
}

mixerSuite(exponentialSmoothing, {
  configs: [{ heads: 2 }, { heads: 4, of: "changes", bias: false }],
  width: 8,
  naive: naive as never,
});

describe("[esa]", () => {
  test("[esa] the recursion, the matrix of (1 − α)^j and a convolution by Fourier transforms are one", () => {
    const [T, D, shares] = [24, 4, [-1, 1.5]];
    const c = exponentialSmoothing.config.parse({ heads: 2, bias: false });
    const d = exponentialSmoothing.dims(c, D);
    const one = constant(
      range(D * D).map((i) => (i % (D + 1) === 0 ? 1 : 0)),
      [D, D],
    );
    const start = [0.7, -0.2, 0.4, 1];
    const p = weightsFrom({ value: one, out: one, share: constant(shares, [2]), start: constant(start, [D]) });
    const alpha = (i: number) => sigmoid(shares[Math.floor(i / d.K)]!);
    const weights = (i: number, t: number, s: number) => (s > t ? 0 : alpha(i) * (1 - alpha(i)) ** (t - s));
    const x = randomNormal("x", [1, T, D]);
    const matrices = range(D * T * T).map((n) => weights(Math.floor(n / T / T), Math.floor(n / T) % T, n % T));
    const { recursion, matrix, fourier } = run({
      inputs: { x },
      build: ({ x }) => {
        const columns = x!.transpose([2, 0, 1]);
        const kernels = constant(
          range(D * T).map((n) => weights(Math.floor(n / T), n % T, 0)),
          [D, T],
        );
        const faded = constant(
          range(D * T).map((n) => start[Math.floor(n / T)]! * (1 - alpha(Math.floor(n / T))) ** ((n % T) + 1)),
          [D, 1, T],
        );
        const rows = constant(matrices, [D, T, T]).matmul(columns.swap(1, 2)).swap(1, 2);
        return {
          recursion: exponentialSmoothing.forward(x!, { c, d, p, s: {}, b: {}, io: plainIo("eval") }).y,
          matrix: rows.add(faded).transpose([1, 2, 0]),
          fourier: longConv(columns, kernels, false).add(faded).transpose([1, 2, 0]),
        };
      },
    });
    expect(recursion).toBeAllclose(matrix!, { tolerance: 1e-12 });
    expect(recursion).toBeAllclose(fourier!, { tolerance: 1e-12 });
  });

  test("[esa] α near 1 keeps the token itself, α near 0 the start", () => {
    const c = exponentialSmoothing.config.parse({ heads: 1, bias: false });
    const d = exponentialSmoothing.dims(c, 2);
    const one = constant([1, 0, 0, 1], [2, 2]);
    const smoothed = (share: number) => {
      const p = weightsFrom({ value: one, out: one, share: constant([share], [1]), start: constant([3, -3], [2]) });
      const x = randomNormal("x", [1, 5, 2]);
      const at = { c, d, p, s: {}, b: {}, io: plainIo("eval") };
      return { x, y: run({ inputs: { x }, build: ({ x }) => ({ y: exponentialSmoothing.forward(x!, at).y }) }).y! };
    };
    const { x, y } = smoothed(40);
    expect(y).toBeAllclose(x, { tolerance: 1e-12 });
    expect(smoothed(-40).y).toBeAllclose(
      { shape: [1, 5, 2], data: Float64Array.from(range(10).map((i) => (i % 2 ? -3 : 3))) },
      { tolerance: 1e-12 },
    );
  });
});
