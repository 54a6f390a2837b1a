/** Fuzzy in-context recall of MAD: keys and values are motifs of several tokens. */
import { z } from "zod";
import type { Rng } from "../../ops/index.ts";
import { defineTask, predicted } from "../task.ts";

interface Config {
  keys: number;
  values: number;
  keySize: number;
  valueSize: number;
}

/** Tokens of keys, of values, the padding on the left, and the token before the asked key. */
export const fuzzyRecall = defineTask<Config>({
  kind: "fuzzy-recall",
  title: "Fuzzy in-context recall",
  cite: {
    arxiv: "2403.17844",
    by: "Poli et al. 2024",
    title: "Mechanistic Design and Scaling of Hybrid Architectures",
  },
  layout: "… [k k] [v v v] [k] [v] … ? [k k] | → [v v v]",
  config: z.strictObject({
    keys: z.int().min(2).default(7).describe("distinct tokens of keys"),
    values: z.int().min(2).default(7).describe("distinct tokens of values"),
    keySize: z.int().positive().default(3).describe("most tokens of a key"),
    valueSize: z.int().positive().default(3).describe("most tokens of a value"),
  }),
  lengthIs: "places, filled up on the left",
  least: ({ keySize, valueSize }) => 2 * (keySize + valueSize) + 1,
  window: (length) => length - 1,
  vocabulary: ({ keys, values }) => keys + values + 2,
  answers: ({ keys, values }) => Array.from({ length: values }, (_, i) => keys + i),
  sample(rng, { length, c }) {
    const known = new Map<string, Motifs>();
    const most = length - 1 - c.keySize - c.valueSize;
    const shown: number[] = [];
    for (;;) {
      const pair = drawPair(rng, c, known);
      if (shown.length + pair.key.length + pair.value.length > most) break;
      known.set(pair.key.join(), pair);
      shown.push(...pair.key, ...pair.value);
    }
    const asked = [...known.values()][rng.below(known.size)]!;
    const question = [...shown, c.keys + c.values + 1, ...asked.key, ...asked.value];
    const padding = new Array<number>(length - question.length).fill(c.keys + c.values);
    return predicted([...padding, ...question], (place) => place >= length - asked.value.length);
  },
});

interface Motifs {
  key: readonly number[];
  value: readonly number[];
}

/** A key, and the value it had before or a new one. */
function drawPair(rng: Rng, { keys, values, keySize, valueSize }: Config, known: ReadonlyMap<string, Motifs>): Motifs {
  const key = drawMotif(rng, keys, keySize);
  return known.get(key.join()) ?? { key, value: drawMotif(rng, values, valueSize).map((token) => keys + token) };
}

/** 1 to `size` different tokens. */
const drawMotif = (rng: Rng, tokens: number, size: number): number[] => {
  const length = 1 + rng.below(Math.min(size, tokens));
  return [...rng.permutation(tokens).subarray(0, length)];
};
