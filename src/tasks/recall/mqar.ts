import { z } from "zod";
import type { Rng } from "../../ops/index.ts";
import { defineTask, drawSymbols, labelled } from "../task.ts";

/** Keys are 1 … vocabulary / 2 − 1, values vocabulary / 2 … vocabulary − 1; 0 fills what is left. */
export const mqar = defineTask({
  kind: "mqar",
  title: "Multi-query associative recall",
  cite: { arxiv: "2312.04927", by: "Arora et al. 2024", title: "Zoology" },
  layout: "k₁ v₁ … kₙ vₙ 0 … kᵢ 0 … kⱼ … → at each asked key: its value",
  config: z
    .strictObject({
      vocabulary: z.int().min(8).multipleOf(2).default(64).describe("ids: half keys, half values"),
      pairs: z.int().positive().default(4).describe("keys with a value each, fewer than half the vocabulary"),
      power: z
        .number()
        .positive()
        .default(0.01)
        .describe("a: the gap before a key is asked is drawn ∝ (gap + 1)^(a − 1)"),
      filler: z.enum(["zero", "random"]).default("zero").describe("what stands where nothing is asked"),
    })
    .refine(({ vocabulary, pairs }) => pairs < vocabulary / 2, "pairs must be fewer than half the vocabulary"),
  lengthIs: "places, an even number of them used",
  least: ({ pairs }) => 4 * pairs,
  window: (length) => length - (length % 2),
  vocabulary: ({ vocabulary }) => vocabulary,
  answers: ({ vocabulary }) => Array.from({ length: vocabulary / 2 }, (_, i) => vocabulary / 2 + i),
  sample(rng, { length, c: { vocabulary, pairs, power, filler } }) {
    const half = vocabulary / 2;
    const [keys, values] = [rng.permutation(half - 1), rng.permutation(half)];
    const T = length - (length % 2);
    const shown = Array.from({ length: pairs }, (_, i) => [keys[i]! + 1, half + values[i]!]).flat();
    const free = T - shown.length;
    const inputs = [
      ...shown,
      ...(filler === "zero" ? new Array<number>(free).fill(0) : drawSymbols(rng, free, vocabulary)),
    ];
    const targets = new Array<number | undefined>(T).fill(undefined);
    for (const [i, gap] of drawGaps(rng, pairs, { slots: free / 2, power }).entries()) {
      const place = shown.length + 2 * gap;
      inputs[place] = shown[2 * i]!;
      targets[place] = shown[2 * i + 1]!;
    }
    return labelled(inputs, targets);
  },
});

/** Different slots for all, drawn one after the other ∝ (slot + 1)^(power − 1). */
function drawGaps(rng: Rng, count: number, { slots, power }: { slots: number; power: number }): number[] {
  const weights = Array.from({ length: slots }, (_, slot) => (slot + 1) ** (power - 1));
  return Array.from({ length: count }, () => {
    let left = rng.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
    const found = weights.findIndex((weight) => {
      left -= weight;
      return weight > 0 && left < 0;
    });
    const slot = found === -1 ? weights.findLastIndex((weight) => weight > 0) : found; // rounding
    weights[slot] = 0;
    return slot;
  });
}
