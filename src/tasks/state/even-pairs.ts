import { z } from "zod";
import { answerTask } from "../answer-task.ts";
import { drawSymbols } from "../task.ts";

export const evenPairs = answerTask({
  kind: "even-pairs",
  title: "Even pairs",
  cite: { arxiv: "2207.02098", by: "Delétang et al. 2023" },
  layout: "bits | → 1 if unequal neighbours are odd in number, that is, if the first and the last bit differ",
  config: z.strictObject({}),
  symbols: () => 2,
  window: (length) => length + 1,
  question: (rng, { length }) => drawSymbols(rng, length, 2),
  answer: (given) => [given[0] === given.at(-1) ? 0 : 1],
});
