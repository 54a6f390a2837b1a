import { z } from "zod";
import type { Rng } from "../../ops/index.ts";
import { defineTask, predicted } from "../task.ts";

interface Shape {
  types: number;
  depth: number;
}

/** Bracket i opens, types + i closes it. */
export const dyck = defineTask({
  kind: "dyck",
  title: "Dyck words",
  cite: { arxiv: "2010.07515", by: "Hewitt et al. 2020", title: "RNNs can generate bounded hierarchical languages" },
  layout: "( [ ] { } ) … → which bracket closes, wherever one does",
  config: z.strictObject({
    types: z.int().min(2).default(4).describe("kinds of brackets"),
    depth: z.int().positive().default(8).describe("most brackets that are open at a time"),
  }),
  lengthIs: "brackets of the word, rounded down to an even number",
  least: () => 2,
  window: (length) => length - (length % 2) - 1,
  vocabulary: ({ types }) => 2 * types,
  answers: ({ types }) => Array.from({ length: types }, (_, i) => types + i),
  sample(rng, { length, c }) {
    const word = drawWord(rng, length - (length % 2), c);
    return predicted(word, (place) => word[place]! >= c.types);
  },
});

function drawWord(rng: Rng, length: number, { types, depth }: Shape): number[] {
  const open: number[] = [];
  return Array.from({ length }, (_, place) => {
    const mustClose = open.length === depth || open.length === length - place;
    if (open.length > 0 && (mustClose || rng.below(2) === 0)) return types + open.pop()!;
    open.push(rng.below(types));
    return open.at(-1)!;
  });
}
