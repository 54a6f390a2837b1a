import { z } from "zod";
import { defineTask, predicted } from "../task.ts";

/** Keys 0 … keys − 1, values behind them. */
export const associativeRecall = defineTask({
  kind: "associative-recall",
  title: "Associative recall",
  cite: { arxiv: "1610.06258", by: "Ba et al. 2016", title: "Using Fast Weights to Attend to the Recent Past" },
  layout: "k₁ v₁ … kₙ vₙ kᵢ | → vᵢ",
  config: z.strictObject({
    keys: z.int().positive().default(64).describe("distinct keys; none comes twice in an example"),
    values: z.int().min(2).default(8).describe("distinct values"),
  }),
  lengthIs: "pairs, at most as many as keys",
  least: () => 1,
  window: (length, { keys }) => (length > keys ? Number.POSITIVE_INFINITY : 2 * length + 1),
  vocabulary: ({ keys, values }) => keys + values,
  answers: ({ keys, values }) => Array.from({ length: values }, (_, i) => keys + i),
  sample(rng, { length, c: { keys, values } }) {
    const order = rng.permutation(keys);
    const pairs = Array.from({ length }, (_, i) => [order[i]!, keys + rng.below(values)]);
    const sequence = [...pairs.flat(), ...pairs[rng.below(length)]!];
    return predicted(sequence, (place) => place === sequence.length - 1);
  },
});
