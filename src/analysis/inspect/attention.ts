import type { AttentionMap, HeadSummary } from "./results.ts";
import { mean, type Reading, rounded, type Trace } from "./trace.ts";

const probe = /\.weights_BHTS$/;

/** The maps of every mixer that has them: probes `weights_BHTS`, [1, H, T, S]. */
export function attentionMaps({ result: { probes } }: Trace): Reading<AttentionMap[]> {
  const found = Object.entries(probes).filter(([path, { shape }]) => probe.test(path) && shape.length === 4);
  return {
    outputs: Object.fromEntries(found.map(([path, weights]) => [`map:${path}`, weights])),
    read: (values) =>
      found.map(([path, { shape }]) => attentionMap(path, { values: values[`map:${path}`]!, shape: shape.slice(1) })),
  };
}

function attentionMap(path: string, { values, shape }: { values: ArrayLike<number>; shape: readonly number[] }) {
  const [H, T, S] = shape as [number, number, number];
  const row = (h: number, t: number) => Array.from({ length: S }, (_, s) => rounded(values[(h * T + t) * S + s]!));
  const weights = Array.from({ length: H }, (_, h) => Array.from({ length: T }, (_, t) => row(h, t)));
  const queries = path.startsWith("encoder.") ? "source" : "tokens";
  const keys = path.includes(".cross.") ? "source" : queries;
  return {
    path,
    queries,
    keys,
    weights,
    entropies: weights.map((rows) => rows.map((one) => rounded(entropy(one)))),
    heads: weights.map((rows) => summarise(rows, keys === queries && S === T)),
  } satisfies AttentionMap;
}

/** −Σ p ln p of weights, which need not add up to 1; nats: ln n for n equal ones, 0 for a single one. */
export function entropy(weights: readonly number[]): number {
  const total = weights.reduce((sum, weight) => sum + Math.abs(weight), 0);
  if (total === 0) return 0;
  return weights.reduce((sum, weight) => {
    const p = Math.abs(weight) / total;
    return p === 0 ? sum : sum - p * Math.log(p);
  }, 0);
}

/** A weight above this leaves next to nothing for the other keys, and next to no gradient for the scores. */
const saturatedAbove = 0.9;

function summarise(rows: readonly (readonly number[])[], own: boolean): HeadSummary {
  const seen = rows.map((row) => row.filter((weight) => weight !== 0).length);
  const several = rows.filter((_, t) => seen[t]! > 1);
  const at = (key: (t: number) => number) => {
    const weights = rows.flatMap((row, t) => row[key(t)] ?? []);
    return own && weights.length > 0 ? rounded(mean(weights)) : null;
  };
  return {
    entropy: rounded(mean(rows.map(entropy))),
    uniform: rounded(mean(seen.map((keys) => Math.log(Math.max(1, keys))))),
    largest: rounded(mean(rows.map((row) => Math.max(...row)))),
    saturated:
      several.length === 0 ? null : rounded(mean(several.map((row) => Number(Math.max(...row) > saturatedAbove)))),
    self: at((t) => t),
    previous: at((t) => t - 1),
    first: at(() => 0),
  };
}
