import { describe, expect, test } from "vitest";
import {
  type Arrays,
  mapArray,
  mixerSuite,
  type NaiveMixerArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import type { Mixer } from "../define.ts";
import { attention } from "./attention.ts";
import { collapsedAttention } from "./collapsed-attention.ts";
import { dot, range, sum, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof collapsedAttention.config.parse>,
  ReturnType<typeof collapsedAttention.dims>,
  ReturnType<typeof collapsedAttention.params>,
  ReturnType<typeof collapsedAttention.state>
>;

function similarity({ c, d, p }: Pick<At, "c" | "d" | "p">): (a: number[], b: number[]) => number {
  if (c.similarity === "none") return dot;
  const entry = (i: number, j: number) =>
    c.similarity === "full"
      ? p.similarity![i]![j]!
      : p.similarity![(Math.max(i, j) * (Math.max(i, j) + 1)) / 2 + Math.min(i, j)]!;
  return (a, b) => sum(range(d.D).flatMap((i) => range(d.D).map((j) => a[i]! * entry(i, j) * b[j]!)));
}

mixerSuite(collapsedAttention, {
  configs: [{}, { similarity: "symmetric" }, { similarity: "none", values: "full" }, { values: "full", causal: false }],
  width: 4,
  naive: ({ x, p, c, d, s }: At) => {
    const between = similarity({ c, d, p });
    const all = x.map((rows, b) => [...((s?.x_BTD?.[b] as number[][] | undefined) ?? []), ...rows]);
    const y = x.map((rows, b) =>
      rows.map((token, i) => {
        const seen = c.causal ? all[b]!.slice(0, all[b]!.length - rows.length + i + 1) : all[b]!;
        const shares = seen.map((other) => Math.exp(between(token, other) * (c.scale ?? d.D ** -0.5)));
        const mixed = token.map((_, j) => sum(seen.map((other, n) => (shares[n]! / sum(shares)) * other[j]!)));
        return p.values ? times(mixed, p.values) : mixed;
      }),
    );
    return { y, s: c.causal ? { x_BTD: all } : {} };
  },
});

const [D, T] = [8, 7];
const x = randomNormal("x", [2, T, D]);

/** Output, weights and scores of a mixer with these parameters. */
function mixed(component: unknown, options: object, parameters: Arrays, tokens = x) {
  const mixer = component as Mixer;
  const c = mixer.config.parse(options);
  return run({
    inputs: { x: tokens, ...parameters },
    build: ({ x: input, ...at }) => {
      const context = { c, d: mixer.dims(c, D), p: weightsFrom(at), s: {}, b: {}, io: plainIo("eval") };
      const { y, probes } = mixer.forward(input!, context);
      return { y, ...probes };
    },
  });
}

const count = (options: object, width = D): number => {
  const c = collapsedAttention.config.parse(options);
  const declared: Record<string, { shape: readonly number[] }> = collapsedAttention.params({ D: width }, c);
  return sum(Object.values(declared).map(({ shape }) => shape.reduce((a, b) => a * b, 1)));
};

describe("what merging keeps", () => {
  test("[minimal-collapsed] W = W_q W_kᵀ and W_v W_o give attention of one head; of a block's 12 D² numbers 1 D² is left", () => {
    const [q, k, v, out] = ["q", "k", "v", "out"].map((name) => randomNormal(name, [D, D], 0.4));
    const joined = run({
      inputs: { q: q!, k: k!, v: v!, out: out! },
      build: (at) => ({
        similarity: at.q!.matmul(at.k!, { transB: true }),
        values: at.v!.matmul(at.out!),
      }),
    });
    const side = (n: number) => [q!, k!, v!][Math.floor(n / D)]!;
    const qkv = {
      shape: [D, 3 * D],
      data: Float64Array.from(range(3 * D * D), (n) => side(n % (3 * D)).data[Math.floor(n / (3 * D)) * D + (n % D)]!),
    };
    for (const causal of [true, false]) {
      const whole = mixed(attention, { heads: 1, causal }, { qkv, out: out! });
      const collapsed = mixed(collapsedAttention, { values: "full", causal }, joined);
      expect(collapsed.y!).toBeAllclose(whole.y!, { tolerance: 1e-6 });
    }
    const width = 64;
    expect(count({}, width)).toBe(width ** 2);
    // Query, key, value, output and both matrices of a feed-forward net of hidden width 4·D.
    expect(1 - count({}, width) / (12 * width ** 2)).toBeGreaterThan(0.9);
  });

  test("[minimal-symmetric] scores are symmetric, from D(D + 1)/2 numbers", () => {
    const parameters = { similarity: randomNormal("w", [(D * (D + 1)) / 2]) };
    const { scores_BHTS } = mixed(collapsedAttention, { similarity: "symmetric", causal: false }, parameters);
    const at = (t: number, s: number) => scores_BHTS!.data[t * T + s]!;
    for (const [t, s] of range(T * T).map((n) => [Math.floor(n / T), n % T] as const))
      expect(at(t, s)).toBeCloseTo(at(s, t), 12);
    expect(count({ similarity: "symmetric" })).toBe((D * (D + 1)) / 2);
    expect(count({})).toBe(D * D);
  });

  test("[qk-asymmetry] with vectors of one length no token prefers another to itself unless W is free", () => {
    const unit = mapArray(x, (value, i) => {
      const row = x.data.subarray(Math.floor(i / D) * D, Math.floor(i / D) * D + D);
      return value / Math.hypot(...row);
    });
    const dissimilar = (options: object, parameters: Arrays) => {
      const { weights_BHTS } = mixed(collapsedAttention, { causal: false, ...options }, parameters, unit);
      const rows = range(2 * T).map((row) => [...weights_BHTS!.data.slice(row * T, (row + 1) * T)]);
      return rows.filter((row, n) => row.indexOf(Math.max(...row)) !== n % T).length;
    };
    expect(dissimilar({ similarity: "none" }, {})).toBe(0);
    expect(dissimilar({}, { similarity: randomNormal("w", [D, D]) })).toBeGreaterThan(0);
    // W = A Aᵀ: equal norms in its own metric, |x A| = 1, forbid it as well.
    const map = randomNormal("A", [D, D]);
    const { flat } = run({
      inputs: { map, x },
      build: ({ map: a, x: t }) => {
        const there = t!.matmul(a!);
        return { flat: there.div(there.square().sum(-1, true).sqrt()) };
      },
    });
    const { weights_BHTS } = mixed(collapsedAttention, { similarity: "none", causal: false }, {}, flat!);
    for (const row of range(2 * T)) {
      const weights = [...weights_BHTS!.data.slice(row * T, (row + 1) * T)];
      expect(weights.indexOf(Math.max(...weights))).toBe(row % T);
    }
  });
});
