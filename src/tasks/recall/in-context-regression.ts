import { z } from "zod";
import type { Rng } from "../../ops/index.ts";
import { defineTask, drawSymbols, predicted, upTo } from "../task.ts";

/** z = a·x + b·y mod p with a and b new in every example; scored where the triples before leave one value for z. */
export const inContextRegression = defineTask({
  kind: "in-context-regression",
  title: "Linear regression in context, modulo p",
  cite: { arxiv: "2406.02550", by: "He et al. 2024", title: "Learning to grok" },
  layout: "x₁ y₁ z₁ x₂ y₂ z₂ x₃ y₃ → z₃ x₄ y₄ → z₄ …",
  config: z.strictObject({ modulus: z.int().min(2).max(97).default(11).describe("p") }),
  lengthIs: "triples",
  least: () => 3,
  window: (length) => 3 * length - 1,
  vocabulary: ({ modulus }) => modulus,
  answers: ({ modulus }) => upTo(modulus),
  sample(rng, { length, c: { modulus } }) {
    for (;;) {
      const sequence = drawTriples(rng, length, modulus);
      const decided = decidedPlaces(sequence, modulus);
      if (decided.size > 0) return predicted(sequence, (place) => decided.has(place));
    }
  },
});

function drawTriples(rng: Rng, length: number, p: number): number[] {
  const [a, b] = [rng.below(p), rng.below(p)];
  return Array.from({ length }, () => {
    const [x, y] = drawSymbols(rng, 2, p) as [number, number];
    return [x, y, (a * x + b * y) % p];
  }).flat();
}

/** Places of those z that every (a, b) which fits the triples before gives alike. */
function decidedPlaces(sequence: readonly number[], p: number): Set<number> {
  const decided = new Set<number>();
  let fitting = upTo(p * p).map((i) => ({ a: Math.floor(i / p), b: i % p }));
  for (let place = 2; place < sequence.length; place += 3) {
    const [x, y, z] = sequence.slice(place - 2, place + 1) as [number, number, number];
    const next = fitting.filter(({ a, b }) => (a * x + b * y) % p === z);
    if (next.length === fitting.length) decided.add(place);
    fitting = next;
  }
  return decided;
}
