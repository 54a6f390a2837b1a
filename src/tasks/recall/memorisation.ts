import { z } from "zod";
import { createRng } from "../../ops/index.ts";
import { defineTask, drawSymbols, labelled } from "../task.ts";

/** Keys 0 … n − 1, values n … 2n − 1, then the token at whose place the value is asked. */
export const memorisation = defineTask({
  kind: "memorisation",
  title: "Memorisation of a fixed map",
  cite: {
    arxiv: "2403.17844",
    by: "Poli et al. 2024",
    title: "Mechanistic Design and Scaling of Hybrid Architectures",
  },
  layout: "k₁ ? k₂ ? … → at each ?: the value of the key before it, the same in all examples",
  config: z.strictObject({
    keys: z.int().min(2).default(32).describe("n"),
    mapSeed: z.int().nonnegative().default(0).describe("seed of the map"),
  }),
  lengthIs: "places, an even number of them used",
  least: () => 2,
  window: (length) => length - (length % 2),
  vocabulary: ({ keys }) => 2 * keys + 1,
  answers: ({ keys }) => Array.from({ length: keys }, (_, i) => keys + i),
  sample(rng, { length, c: { keys, mapSeed } }) {
    const values = createRng(mapSeed).fork("map").permutation(keys);
    const asked = drawSymbols(rng, Math.floor(length / 2), keys);
    return labelled(
      asked.flatMap((key) => [key, 2 * keys]),
      asked.flatMap((key) => [undefined, keys + values[key]!]),
    );
  },
});
