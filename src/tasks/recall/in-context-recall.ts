/** In-context recall of MAD: pairs of a key and its value, the same value whenever the key comes back. */
import { z } from "zod";
import type { Rng } from "../../ops/index.ts";
import { defineTask, drawSymbols, predicted } from "../task.ts";

interface Config {
  keys: number;
  values: number;
  noise: number;
  noiseRatio: number;
  queries: "last" | "all";
}

/** Keys, values, noise tokens and, where only the last key is asked, the token before it, in this order of ids. */
export const inContextRecall = defineTask<Config>({
  kind: "in-context-recall",
  title: "In-context recall, with noise where wanted",
  cite: {
    arxiv: "2403.17844",
    by: "Poli et al. 2024",
    title: "Mechanistic Design and Scaling of Hybrid Architectures",
  },
  layout: "k₁ v₁ k₂ v₂ n n k₁ v₁ … ? kᵢ | → vᵢ; queries all: the value of every key that came before",
  config: z.strictObject({
    keys: z.int().min(2).default(7).describe("distinct keys"),
    values: z.int().min(2).default(8).describe("distinct values"),
    noise: z.int().nonnegative().default(0).describe("distinct noise tokens"),
    noiseRatio: z.number().min(0).max(0.9).default(0).describe("share of pairs that are noise instead"),
    queries: z.enum(["last", "all"]).default("last").describe("whose values are scored"),
  }),
  lengthIs: "places, an even number of them used",
  least: () => 8,
  window: (length, { queries }) => length - (length % 2) - (queries === "all" ? 1 : 0),
  vocabulary: ({ keys, values, noise, queries }) => keys + values + noise + (queries === "last" ? 1 : 0),
  answers: ({ keys, values }) => Array.from({ length: values }, (_, i) => keys + i),
  sample(rng, { length, c }) {
    const known = new Map<number, number>();
    const shown = drawPairs(rng, { pairs: Math.floor(length / 2) - 1, c, known });
    const keys = [...known.keys()];
    const asked = keys[rng.below(keys.length)]!;
    const prefix = c.queries === "last" ? [c.keys + c.values + c.noise] : [];
    const sequence = [...shown, ...prefix, asked, known.get(asked)!];
    const repeated = repeatedKeys(sequence, c.keys);
    return predicted(sequence, (place) =>
      c.queries === "all" ? repeated.has(place - 1) : place === sequence.length - 1,
    );
  },
});

/** Pairs in a row, at least one of them no noise; new keys become known with a value. */
function drawPairs(rng: Rng, { pairs, c, known }: { pairs: number; c: Config; known: Map<number, number> }): number[] {
  const spared = rng.below(pairs);
  return Array.from({ length: pairs }, (_, i) => {
    if (c.noise > 0 && i !== spared && rng.uniform() < c.noiseRatio)
      return drawSymbols(rng, 2, c.noise).map((token) => c.keys + c.values + token);
    const key = rng.below(c.keys);
    const value = known.get(key) ?? c.keys + rng.below(c.values);
    known.set(key, value);
    return [key, value];
  }).flat();
}

/** Places of keys (ids below `keys`) that stood somewhere before. */
function repeatedKeys(sequence: readonly number[], keys: number): Set<number> {
  const [seen, repeated] = [new Set<number>(), new Set<number>()];
  for (const [place, id] of sequence.entries()) {
    if (id >= keys) continue;
    if (seen.has(id)) repeated.add(place);
    seen.add(id);
  }
  return repeated;
}
