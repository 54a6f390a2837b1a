import { z } from "zod";
import { answerTask } from "../answer-task.ts";
import { drawSymbols } from "../task.ts";
import { numberOf } from "./binary.ts";

export const squareRoot = answerTask({
  kind: "square-root",
  title: "Integer square root in binary",
  cite: { arxiv: "2207.02098", by: "Delétang et al. 2023" },
  layout: "bits of x, highest first | → bits of ⌊√x⌋, highest first",
  config: z.strictObject({}),
  symbols: () => 2,
  window: (length) => length + Math.ceil(length / 2),
  question: (rng, { length }) => drawSymbols(rng, length, 2),
  answer(given) {
    const root = floorRoot(numberOf(given.toReversed()));
    return [...root.toString(2).padStart(Math.ceil(given.length / 2), "0")].map(Number);
  },
});

/** ⌊√x⌋, bit by bit from the highest. */
function floorRoot(x: bigint): bigint {
  let root = 0n;
  for (let bit = 1n << BigInt(Math.ceil(x.toString(2).length / 2)); bit > 0n; bit >>= 1n)
    if ((root + bit) ** 2n <= x) root += bit;
  return root;
}
