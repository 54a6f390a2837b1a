import { z } from "zod";
import { answerTask } from "../answer-task.ts";
import { drawSymbols } from "../task.ts";

export const sort = answerTask({
  kind: "sort",
  title: "Sort",
  cite: { arxiv: "2207.02098", by: "Delétang et al. 2023", title: "bucket sort" },
  layout: "x₁ … xₙ | → the same symbols, smallest first",
  config: z.strictObject({ symbols: z.int().min(2).default(8).describe("distinct symbols") }),
  symbols: ({ symbols }) => symbols,
  question: (rng, { length, c }) => drawSymbols(rng, length, c.symbols),
  answer: (given) => given.toSorted((a, b) => a - b),
});
