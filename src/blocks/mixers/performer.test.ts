import { expect, test } from "vitest";
import { createRng, orthogonalFeatures } from "../../ops/index.ts";
import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { efficientNaively, largestProjection, performerPhi } from "./kernel-naive.ts";
import { performer } from "./performer.ts";
import { dot, range, sum, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof performer.config.parse>,
  ReturnType<typeof performer.dims>,
  ReturnType<typeof performer.params>,
  ReturnType<typeof performer.state>
>;

function sequence(x: number[][], { c, d, p }: Pick<At, "c" | "d" | "p">, stored: Loose | undefined) {
  const P = p.features as unknown as number[][];
  const options = { kernel: c.kernel, epsilon: c.epsilon ?? (c.kernel === "relu" ? 1e-3 : 1e-4) };
  const [q, k, v] = [p.q, p.k, p.v].map((map) => x.map((token) => times(token, map))) as [
    number[][],
    number[][],
    number[][],
  ];
  const part = (row: readonly number[], h: number) => row.slice(h * d.K, (h + 1) * d.K);
  const max = c.stabiliser === "max" && c.kernel === "softmax";
  const S = range(d.H).map((h) =>
    range(d.K + 1).map((i) => (stored ? [...(stored[h]![i] as unknown as number[])] : range(d.M).map(() => 0))),
  );
  const add = (t: number) => {
    for (const h of range(d.H)) {
      const shift = max ? Math.max(...k.map((row) => largestProjection(part(row, h), P))) : 0;
      const features = performerPhi(part(k[t]!, h), P, { ...options, shift });
      for (const [i, value] of [...part(v[t]!, h), 1].entries())
        for (const m of range(d.M)) S[h]![i]![m]! += value * features[m]!;
    }
  };
  if (!c.causal) for (const t of range(x.length)) add(t);
  const y = x.map((_, t) => {
    if (c.causal) add(t);
    const read = range(d.H).flatMap((h) => {
      const own = part(q[t]!, h);
      const features = performerPhi(own, P, { ...options, shift: max ? largestProjection(own, P) : 0 });
      const total = dot(S[h]![d.K]!, features) + (c.causal ? 1e-6 * sum(features) : 0);
      return range(d.K).map((i) => dot(S[h]![i]!, features) / total);
    });
    return times(read, p.out, p.outBias);
  });
  return { y, S };
}

mixerSuite(performer, {
  configs: [
    { heads: 2, features: 3 },
    { heads: 1, features: 5, kernel: "relu" },
    { heads: 2, features: 3, causal: false },
    { heads: 2, features: 4, causal: false, stabiliser: "max", epsilon: 0 },
    { heads: 2, kernel: "none", causal: false },
  ],
  width: 4,
  algorithmic: ["chunk"],
  naive: ({ x, p, c, d, s }: At) => {
    if (c.kernel === "none") return { y: x.map((rows) => efficientNaively(rows, rows, { d, p: p as never })), s: {} };
    const results = x.map((rows, b) => sequence(rows, { c, d, p }, s?.S?.[b]));
    const decodes = c.causal && !(c.stabiliser === "max" && c.kernel === "softmax");
    return { y: results.map(({ y }) => y), s: decodes ? { S: results.map(({ S }) => S) } : {} };
  },
});

const [K, draws] = [4, 4000];
const pair = () => {
  const rng = createRng(7);
  const draw = () => Array.from({ length: K }, () => 2 * rng.uniform() - 1);
  return { q: draw(), k: draw() };
};

/** Estimates of exp(q·k/√K) with m features each. */
function estimates(m: number, kind: "orthogonal" | "independent"): number[] {
  const { q, k } = pair();
  const rng = createRng(11);
  const options = { kernel: "softmax", epsilon: 0 };
  const rows = kind === "orthogonal" ? m : 1;
  return range(draws).map(() => {
    const P = range(m / rows).flatMap(() => orthogonalFeatures(() => rng.uniform(), rows, K));
    return dot(performerPhi(q, P, options), performerPhi(k, P, options));
  });
}

const mean = (values: readonly number[]) => sum(values) / values.length;
function variance(values: readonly number[]): number {
  const centre = mean(values);
  return mean(values.map((value) => (value - centre) ** 2));
}

test("[performer] the estimate of exp(q·k) is unbiased, its error falls as m^−½, and orthogonal features err less", () => {
  const { q, k } = pair();
  const exact = Math.exp(dot(q, k) / Math.sqrt(K));
  const independent = estimates(8, "independent");
  for (const values of [independent, estimates(8, "orthogonal")])
    expect(Math.abs(mean(values) - exact)).toBeLessThan(4 * Math.sqrt(variance(values) / draws));
  const slope = Math.log(variance(independent) / variance(estimates(32, "independent"))) / Math.log(4) / 2;
  expect(slope).toBeGreaterThan(0.4);
  expect(slope).toBeLessThan(0.6);
  expect(variance(estimates(8, "orthogonal"))).toBeLessThan(0.95 * variance(independent));
});
