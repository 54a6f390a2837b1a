import { describe, expect, test } from "vitest";
import { countFlops } from "../../engine/index.ts";
import { vjp } from "../../grad/index.ts";
import { constant, input, ones } from "../../tensor/index.ts";
import {
  drawParameters,
  type Loose,
  mixerSuite,
  type NaiveMixerArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { featuresOf, kernelizedAttention } from "./kernelized-attention.ts";
import { noiseOf, permutationOf, rowLength } from "./learned-spectrum.ts";
import { dot, matrixFrom, range, sum, times } from "./plain-loops.ts";
import { weightOf } from "./rnn-golden-weights.fixture.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof kernelizedAttention.config.parse>,
  ReturnType<typeof kernelizedAttention.dims>,
  Record<string, Loose>
>;
type Parts = Pick<At, "c" | "d" | "p">;

/** Ones of a common bit pattern decide the sign of Sylvester's matrix. */
const hadamardSign = (i: number, j: number): number => ((i & j).toString(2).replaceAll("0", "").length % 2 ? -1 : 1);

/** Frequencies of head h as dense rows [M][K], and their shares. */
function spectrum({ c, d, p }: Parts, h: number): { omega: number[][]; shares: number[] } {
  const noise = noiseOf(c.seed, d.M, d.K);
  const n = (m: number) => [...noise.slice(m * d.K, (m + 1) * d.K)];
  const even = range(d.M).map(() => 1 / d.M);
  if (c.spectrum === "generator") {
    const hidden = (m: number) => times(n(m), p.inward![h]! as never, p.inwardBias).map(Math.tanh);
    return {
      omega: range(d.M).map((m) => times(hidden(m), p.outward![h]! as never).map((v, i) => v + n(m)[i]!)),
      shares: even,
    };
  }
  if (c.spectrum === "mixture") {
    const S = d.M / c.components;
    const weights = p.shares![h]!.map(Math.exp as never) as unknown as number[];
    const of = (m: number) => Math.floor(m / S);
    return {
      omega: range(d.M).map((m) =>
        n(m).map((v, i) => p.means![h]![of(m)]![i]! + Math.exp(p.deviations![h]![of(m)]![i]!) * v),
      ),
      shares: range(d.M).map((m) => weights[of(m)]! / sum(weights) / S),
    };
  }
  const size = rowLength(d.K);
  const omega = range(d.M).map((m) => {
    const [block, row] = [Math.floor(m / size), m % size];
    const order = permutationOf(c.seed, block, size);
    // Entry (row, i) of S H G Π H B: over the places between both transforms.
    return range(d.K).map((i) => {
      const between = range(size).map(
        (j) => hadamardSign(row, j) * p.gaussians![h]![block]![j]! * hadamardSign(order[j]!, i),
      );
      return (p.scales![h]![block]![row]! * sum(between) * p.signs![h]![block]![i]!) / Math.sqrt(size);
    });
  });
  return { omega, shares: even };
}

function phi(x: number[], { omega, shares }: ReturnType<typeof spectrum>, map: string): number[] {
  const u = x.map((value) => value * x.length ** -0.25);
  const angles = omega.map((row) => dot(row, u));
  if (map === "positive") return angles.map((angle, m) => Math.sqrt(shares[m]!) * Math.exp(angle - dot(u, u) / 2));
  return [Math.cos, Math.sin].flatMap((f) => angles.map((angle, m) => Math.sqrt(shares[m]!) * f(angle)));
}

function sequence(x: number[][], { c, d, p }: Parts, stored: Loose | undefined) {
  const part = (row: number[], h: number) => row.slice(h * d.K, (h + 1) * d.K);
  const [q, k, v] = [p.q!, p.k!, p.v!].map((map) => x.map((token) => times(token, map))) as number[][][];
  const S = range(d.H).map((h) => matrixFrom(stored?.[h] as never, d.K + 1, d.F));
  const kernels = range(d.H).map((h) => spectrum({ c, d, p }, h));
  const add = (t: number) => {
    for (const h of range(d.H)) {
      const features = phi(part(k![t]!, h), kernels[h]!, c.map);
      for (const [i, value] of [...part(v![t]!, h), 1].entries())
        for (const f of range(d.F)) S[h]![i]![f]! += value * features[f]!;
    }
  };
  if (!c.causal) for (const t of range(x.length)) add(t);
  const y = x.map((_, t) => {
    if (c.causal) add(t);
    const read = range(d.H).flatMap((h) => {
      const features = phi(part(q![t]!, h), kernels[h]!, c.map);
      const total = Math.max(dot(S[h]![d.K]!, features), c.epsilon);
      return range(d.K).map((i) => dot(S[h]![i]!, features) / total);
    });
    return times(read, p.out!);
  });
  return { y, S };
}

mixerSuite(kernelizedAttention, {
  configs: [
    { heads: 2, features: 4 },
    { heads: 2, features: 4, spectrum: "fastfood" },
    { heads: 1, features: 8, spectrum: "fastfood", causal: false },
    { heads: 1, features: 3, spectrum: "generator", hidden: 3 },
    { heads: 1, features: 8, map: "fourier", components: 1, causal: false },
  ],
  width: 4,
  algorithmic: ["chunk"],
  naive: (({ x, p, c, d, s }: At) => {
    const results = x.map((rows, b) => sequence(rows, { c, d, p }, s?.["S" as never]?.[b as never]));
    return { y: results.map(({ y }) => y), s: c.causal ? { S: results.map(({ S }) => S) } : {} };
  }) as never,
});

const mean = (values: readonly number[]) => sum(values) / values.length;
const D = 8;

/** Estimates of exp(−|u − w|²/2) by a standard normal spectrum, one a seed. */
function estimates(features: number): { errors: number[]; exact: number } {
  const [x, y] = [randomNormal("x", [1, D, 1, 1], 0.6), randomNormal("y", [1, D, 1, 1], 0.6)];
  const still = { means: new Float64Array(D), deviations: new Float64Array(D), shares: new Float64Array(1) };
  const distance = sum([...x.data].map((value, i) => (value - y.data[i]!) ** 2)) * D ** -0.5;
  const exact = Math.exp(-distance / 2);
  const errors = range(300).map((seed) => {
    const c = kernelizedAttention.config.parse({ heads: 1, features, components: 1, map: "fourier", seed });
    const d = kernelizedAttention.dims(c, D);
    const { product } = run({
      inputs: { x, y },
      build: (at) => {
        const p = weightsFrom({
          means: constant(still.means, [1, 1, D]),
          deviations: constant(still.deviations, [1, 1, D]),
          shares: constant(still.shares, [1, 1]),
        }) as never;
        return { product: featuresOf(at.x!, { c, d, p }).mul(featuresOf(at.y!, { c, d, p })).sum() };
      },
    });
    return product!.data[0]! - exact;
  });
  return { errors, exact };
}

describe("[learned-kernel]", () => {
  test("[learned-kernel] a fixed Gaussian spectrum estimates the RBF kernel, with an error that falls as m^−½", () => {
    const rms = (errors: readonly number[]) => Math.sqrt(mean(errors.map((error) => error ** 2)));
    const [few, many] = [estimates(8), estimates(32)];
    expect(Math.abs(mean(few.errors))).toBeLessThan((4 * rms(few.errors)) / Math.sqrt(few.errors.length));
    const slope = Math.log(rms(many.errors) / rms(few.errors)) / Math.log(4);
    expect(slope).toBeGreaterThan(-0.65);
    expect(slope).toBeLessThan(-0.35);
  });

  test.each(["mixture", "fastfood", "generator"] as const)(
    "[learned-kernel] gradients reach every parameter of the spectrum %s, and cost grows by exactly one power of the length",
    (spectrum) => {
      const c = kernelizedAttention.config.parse({ heads: 2, features: 8, spectrum, hidden: 4, causal: false });
      const d = kernelizedAttention.dims(c, D);
      const declared: Record<string, { shape: readonly number[] }> = kernelizedAttention.params(d, c);
      const learned = Object.keys(declared).filter((name) => !["q", "k", "v", "out"].includes(name));
      const parameters = drawParameters(declared as never);
      const gradients = run({
        inputs: { x: randomNormal("x", [1, 5, D]), ...parameters },
        build: ({ x, ...at }) => {
          const context = { c, d, p: weightsFrom(at) as never, s: {}, b: {}, io: plainIo("eval") };
          const { y } = kernelizedAttention.forward(x!, context);
          const found = vjp(
            [y.square()],
            [ones(y.shape)],
            learned.map((name) => at[name]!),
          );
          return Object.fromEntries(learned.map((name, i) => [name, found[i]!]));
        },
      });
      expect(learned.length).toBe(3);
      for (const name of learned) expect(Math.hypot(...gradients[name]!.data), name).toBeGreaterThan(1e-6);
      const work = (tokens: number) => {
        const p = Object.fromEntries(
          Object.entries(declared).map(([name, { shape }]) => [name, weightOf(input(name, shape))]),
        );
        const context = { c, d, p: p as never, s: {}, b: {}, io: plainIo("eval") };
        return countFlops([kernelizedAttention.forward(input("x", [1, tokens, D]), context).y]).total;
      };
      // What does not depend on the tokens, the spectrum itself, is taken away.
      expect((work(4096) - work(2048)) / (work(2048) - work(1024))).toBe(2);
    },
  );
});
