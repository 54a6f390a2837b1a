import { expect, test } from "vitest";
import { mapArray, mixerSuite, type NaiveMixerArguments, plainIo, randomNormal, run } from "../../testing/index.ts";
import { contextOf, testedPart, withPrefix } from "../../testing/part.ts";
import type { Mixer } from "../define.ts";
import { dot, range, sum, times } from "./plain-loops.ts";
import { synthesizer } from "./synthesizer.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof synthesizer.config.parse>,
  ReturnType<typeof synthesizer.dims>,
  ReturnType<typeof synthesizer.params>,
  ReturnType<typeof synthesizer.state>
>;

/** The logit of head h for key s, of a token x at place t. */
function logit(x: number[], { t, s, h }: { t: number; s: number; h: number }, { c, d, p }: Pick<At, "c" | "d" | "p">) {
  if (p.table) return p.table[h]![t]![s]!;
  if (p.rows) return dot(p.rows[h]![t]!, p.columns![h]![s]!);
  const hidden = times(x, p.hidden!, p.hiddenBias!)
    .slice(h * d.V, (h + 1) * d.V)
    .map((value) => Math.max(0, value));
  const logits = times(hidden, p.logits![h]!);
  return c.weights === "dense" ? logits[s]! : logits[s % d.R]! * logits[d.R + Math.floor(s / d.R)]!;
}

function sequence(x: number[][], at: Pick<At, "c" | "d" | "p">, stored: number[][][] | undefined) {
  const { c, d, p } = at;
  const old = stored?.[0]?.length ?? 0;
  const part = (row: number[], h: number) => row.slice(h * d.V, (h + 1) * d.V);
  const projected = x.map((token) => times(token, p.v));
  const values = range(d.H).map((h) => [...(stored?.[h] ?? []), ...projected.map((row) => part(row, h))]);
  const y = x.map((token, i) => {
    const t = old + i;
    const seen = range(c.causal ? t + 1 : values[0]!.length);
    const heads = range(d.H).flatMap((h) => {
      const shares = seen.map((s) => Math.exp(logit(token, { t, s, h }, at)));
      return range(d.V).map((j) => sum(seen.map((s) => (shares[s]! / sum(shares)) * values[h]![s]![j]!)));
    });
    return times(heads, p.out);
  });
  return { y, values };
}

mixerSuite(synthesizer, {
  configs: [
    { heads: 2, maxTokens: 24 },
    { heads: 2, maxTokens: 24, weights: "factorised-dense", rank: 6 },
    { heads: 1, maxTokens: 24, weights: "random" },
    { heads: 2, maxTokens: 24, weights: "factorised-random", rank: 3 },
    { heads: 2, maxTokens: 24, causal: false },
    { heads: 2, maxTokens: 24, weights: "random", causal: false },
  ],
  width: 4,
  naive: ({ x, p, c, d, s }: At) => {
    const results = x.map((rows, b) => sequence(rows, { c, d, p }, s?.v_BHTV?.[b] as number[][][] | undefined));
    return { y: results.map(({ y }) => y), s: c.causal ? { v_BHTV: results.map(({ values }) => values) } : {} };
  },
});

const [T, D] = [6, 8];
const mixer = synthesizer as unknown as Mixer;

/** Weights [H][T][T] of one sequence. */
function weightsFor(x: ReturnType<typeof randomNormal>, options: object) {
  const part = testedPart(mixer, { heads: 2, maxTokens: 12, rank: 3, ...options }, (c) => mixer.dims(c, D));
  const { weights } = run({
    inputs: { x, ...withPrefix("p.", part.parameters) },
    build: (at) => {
      const context = { ...contextOf(part, at), s: {}, io: plainIo("eval") };
      return { weights: mixer.forward(at.x!, context).probes!.weights_BHTS! };
    },
  });
  return weights!;
}

test("[synthesizer] dense weights of a token depend on no other token, random ones on no input, and all are shares", () => {
  const x = randomNormal("x", [1, T, D]);
  const other = mapArray(x, (value, i) => (Math.floor(i / D) === 3 ? -value : value));
  for (const causal of [true, false])
    for (const weights of ["dense", "factorised-dense", "random", "factorised-random"]) {
      const [here, there] = [x, other].map((tokens) => weightsFor(tokens, { weights, causal }));
      const moved = range(2 * T).filter((row) =>
        range(T).some((s) => here!.data[row * T + s] !== there!.data[row * T + s]),
      );
      expect(moved).toEqual(weights.endsWith("dense") ? [3, T + 3] : []);
      for (const row of range(2 * T)) expect(sum([...here!.data.slice(row * T, (row + 1) * T)])).toBeCloseTo(1, 12);
    }
});

test("tables of low rank and short vectors have fewer parameters than full ones", () => {
  const count = (weights: string, rank = 8) => {
    const c = synthesizer.config.parse({ weights, rank, heads: 2, maxTokens: 64 });
    const declared: Record<string, { shape: readonly number[] }> = synthesizer.params(synthesizer.dims(c, D), c);
    return sum(Object.values(declared).map(({ shape }) => shape.reduce((a, b) => a * b, 1)));
  };
  expect(count("random") - count("factorised-random")).toBe(2 * (64 * 64 - 2 * 64 * 8));
  expect(count("dense") - count("factorised-dense")).toBe(2 * (D / 2) * (64 - (8 + 8)));
});
