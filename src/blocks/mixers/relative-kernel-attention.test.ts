import { describe, expect, test } from "vitest";
import { createRng } from "../../ops/index.ts";
import { zeros } from "../../tensor/index.ts";
import {
  drawParameters,
  mixerSuite,
  type NaiveMixerArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { performer } from "./performer.ts";
import { dot, range, sum, times } from "./plain-loops.ts";
import { relativeKernelAttention, toeplitzProduct } from "./relative-kernel-attention.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof relativeKernelAttention.config.parse>,
  ReturnType<typeof relativeKernelAttention.dims>,
  ReturnType<typeof relativeKernelAttention.params>
>;

const features = (u: number[], P: number[][]) =>
  P.map((row) => Math.exp(dot(row, u) - dot(u, u) / 2) / Math.sqrt(P.length));

function sequence(x: number[][], { c, d, p }: Pick<At, "c" | "d" | "p">): number[][] {
  const [q, k, v] = [p.q, p.k, p.v].map((map) => x.map((token) => times(token, map))) as number[][][];
  const part = (row: number[], h: number) => row.slice(h * d.K, (h + 1) * d.K);
  const seen = (row: number[], h: number) => {
    const own = part(row, h);
    return own.map((value) => (c.unit ? value / Math.hypot(...own) : value * d.K ** -0.25));
  };
  const P = p.features as unknown as number[][];
  return x.map((_, t) => {
    const heads = range(d.H).flatMap((h) => {
      const weights = x.map((_, s) =>
        c.causal && s > t
          ? 0
          : dot(features(seen(q![t]!, h), P), features(seen(k![s]!, h), P)) *
            Math.exp(p.distance[h]![s - t + d.L - 1]!),
      );
      const total = sum(weights) + c.epsilon;
      return range(d.K).map((i) => sum(weights.map((w, s) => (w / total) * part(v![s]!, h)[i]!)));
    });
    return times(heads, p.out, p.outBias);
  });
}

mixerSuite(relativeKernelAttention, {
  configs: [
    { heads: 2, features: 3, maxTokens: 24 },
    { heads: 1, features: 4, maxTokens: 24, causal: true },
    { heads: 2, features: 3, maxTokens: 24, unit: false },
  ],
  width: 4,
  naive: ({ x, p, c, d }: At) => ({ y: x.map((rows) => sequence(rows, { c, d, p })) }),
});

describe("relative positions", () => {
  test("Fourier transforms give the direct sum over all pairs, in both directions and in one", () => {
    const [H, F, T, L] = [2, 3, 150, 160];
    for (const causal of [true, false]) {
      const inputs = {
        u: randomNormal("u", [H, F, T]),
        b: randomNormal("b", [H, causal ? L : 2 * L - 1]),
      };
      const { fast } = run({
        inputs,
        build: ({ u, b }) => ({ fast: toeplitzProduct(u!, b!, { causal, maxTokens: L, direct: false }) }),
      });
      const width = inputs.b.shape[1]!;
      const sums = range(H * F * T).map((n) => {
        const [h, row, t] = [Math.floor(n / (F * T)), Math.floor(n / T), n % T];
        const terms = range(causal ? t + 1 : T).map(
          (s) => Math.exp(inputs.b.data[h * width + s - t + L - 1]!) * inputs.u.data[row * T + s]!,
        );
        return sum(terms);
      });
      expect(fast!).toBeAllclose({ shape: [H, F, T], data: Float64Array.from(sums) }, { tolerance: 1e-5 });
    }
  });

  test("without biases and norms it is the Performer", () => {
    const D = 8;
    const options = { heads: 2, features: 5, causal: false };
    const c = relativeKernelAttention.config.parse({ ...options, unit: false, maxTokens: 20, epsilon: 0 });
    const d = relativeKernelAttention.dims(c, D);
    const { distance, ...shared } = drawParameters(relativeKernelAttention.params(d, c));
    const plain = performer.config.parse({ ...options, epsilon: 0 });
    const { relative, whole } = run({
      inputs: { x: randomNormal("x", [2, 14, D]), ...shared },
      build: ({ x, ...at }) => {
        const context = { s: {}, b: {}, io: plainIo("eval") };
        const p = weightsFrom({ ...at, distance: zeros(distance!.shape) }) as never;
        return {
          relative: relativeKernelAttention.forward(x!, { ...context, c, d, p }).y,
          whole: performer.forward(x!, { ...context, c: plain, d: performer.dims(plain, D), p }).y,
        };
      },
    });
    expect(relative!).toBeAllclose(whole!, { tolerance: 1e-10 });
  });
});

test("[kernel-norm-stability] the estimate's variance grows exponentially with the lengths of query and key, and unit length bounds it", () => {
  const [K, draws] = [4, 100_000];
  const rng = createRng(5);
  const normal = () => Math.sqrt(-2 * Math.log(1 - rng.uniform())) * Math.cos(2 * Math.PI * rng.uniform());
  const rows = range(draws).map(() => range(K).map(normal));
  /** Of one feature's estimate / what it estimates, exp(q·k), for orthogonal q and k of this length. */
  const variance = (length: number) => {
    const [q, k] = [0, 1].map((place) => range(K).map((i) => (i === place ? length : 0))) as [number[], number[]];
    const ratios = rows.map((row) => features(q, [row])[0]! * features(k, [row])[0]!);
    return sum(ratios.map((ratio) => (ratio - 1) ** 2)) / draws;
  };
  const theory = (length: number) => Math.exp(2 * length ** 2) - 1;
  for (const length of [0.25, 0.5, 0.75, 1]) {
    const found = variance(length) / theory(length);
    expect(found).toBeGreaterThan(0.8);
    expect(found).toBeLessThan(1.25);
  }
  // Queries and keys of a model of width 64 have lengths about √K = 8: no number of features averages this away.
  expect(theory(8)).toBeGreaterThan(1e50);
  // In the mixer: tokens ten times as large leave the weights, and so the output of tokens' values, as large as they were.
  const D = 8;
  const c = relativeKernelAttention.config.parse({ heads: 1, features: 16, maxTokens: 12, epsilon: 0 });
  const parameters = drawParameters(relativeKernelAttention.params(relativeKernelAttention.dims(c, D), c));
  const zero = { shape: [D], data: new Float64Array(D) };
  const { here, there } = run({
    inputs: { x: randomNormal("x", [1, 12, D]), ...parameters, outBias: zero },
    build: ({ x, ...at }) => {
      const p = weightsFrom(at) as never;
      const context = { c, d: relativeKernelAttention.dims(c, D), p, s: {}, b: {}, io: plainIo("eval") };
      const of = (factor: number) => relativeKernelAttention.forward(x!.mul(factor), context).y.div(factor);
      return { here: of(1), there: of(10) };
    },
  });
  expect(there!).toBeAllclose(here!, { tolerance: 1e-9 });
});
