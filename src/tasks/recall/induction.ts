import { z } from "zod";
import { defineTask, drawSymbols, predicted, upTo } from "../task.ts";

/**
 * A block of different symbols that comes again and again behind a random beginning: what followed the last occurrence of a
 * symbol follows it again. Lag and beginning differ in every example, so counting places does not help.
 */
export const induction = defineTask({
  kind: "induction",
  title: "Induction",
  cite: { arxiv: "2209.11895", by: "Olsson et al. 2022", title: "In-context Learning and Induction Heads" },
  layout: "r r r [b₁ … bₗ] → [b₁ … bₗ] [b₁ … bₗ] …",
  config: z.strictObject({
    symbols: z.int().min(2).default(32).describe("distinct symbols"),
    lag: z.int().min(2).default(16).describe("most symbols of the block, at most half of the places"),
  }),
  lengthIs: "places",
  least: () => 4,
  window: (length) => length,
  vocabulary: ({ symbols }) => symbols,
  answers: ({ symbols }) => upTo(symbols),
  sample(rng, { length, c: { symbols, lag } }) {
    const most = Math.min(lag, symbols, Math.floor(length / 2));
    const period = 2 + rng.below(most - 1);
    const start = rng.below(length - period);
    const block = rng.permutation(symbols).subarray(0, period);
    const repeats = Array.from({ length: length + 1 - start }, (_, i) => block[i % period]!);
    const sequence = [...drawSymbols(rng, start, symbols), ...repeats];
    // The symbol before has to have come once: the first prediction is that of the block's second symbol.
    return predicted(sequence, (place) => place > start + period);
  },
});
