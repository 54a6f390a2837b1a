import { z } from "zod";
import { answerTask } from "../answer-task.ts";
import { drawSymbols } from "../task.ts";

export const reversal = answerTask({
  kind: "reversal",
  title: "Reversal",
  cite: { arxiv: "2207.02098", by: "Delétang et al. 2023" },
  layout: "x₁ … xₙ | → xₙ … x₁",
  config: z.strictObject({ symbols: z.int().min(2).default(8).describe("distinct symbols") }),
  symbols: ({ symbols }) => symbols,
  question: (rng, { length, c }) => drawSymbols(rng, length, c.symbols),
  answer: (given) => given.toReversed(),
});
