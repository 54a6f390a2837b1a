/** Naive forms of mixers with convolved heads and a matrix memory: one token of one sequence at a time. */
import type { Loose } from "../../testing/index.ts";
import { cut, shortConv, silu, softplus, times, unit } from "./plain-loops.ts";

interface Weights {
  q: Loose;
  k: Loose;
  v: Loose;
  conv: Loose;
}

/** q (unit length / √K), k (unit length) and v of a token by heads, G of keys and H of values; `past` moves on. */
export function naiveHeads(
  x_t: number[],
  past: number[][],
  { p, d }: { p: Weights; d: { G: number; H: number; K: number } },
) {
  const qkv = shortConv([...times(x_t, p.q), ...times(x_t, p.k), ...times(x_t, p.v)], past, p.conv).map(silu);
  const width = d.G * d.K;
  return {
    q: cut(qkv.slice(0, width), d.G).map((row) => unit(row).map((value) => value / Math.sqrt(d.K))),
    k: cut(qkv.slice(width, 2 * width), d.G).map((row) => unit(row)),
    v: cut(qkv.slice(2 * width), d.H),
  };
}

/** exp(−e^logA softplus(W_a x + b)) per head. */
export const naiveHeadDecay = (x_t: number[], p: { decay: Loose; decayBias: Loose; logA: Loose }): number[] =>
  times(x_t, p.decay, p.decayBias).map((rate, h) => Math.exp(-Math.exp(p.logA[h]!) * softplus(rate)));
