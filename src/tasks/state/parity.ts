import { z } from "zod";
import { answerTask } from "../answer-task.ts";
import { drawSymbols } from "../task.ts";

export const parity = answerTask({
  kind: "parity",
  title: "Parity",
  cite: { arxiv: "2207.02098", by: "Delétang et al. 2023" },
  layout: "x₁ … xₙ | → (x₁ + … + xₙ) mod symbols",
  config: z.strictObject({ symbols: z.int().min(2).default(2).describe("distinct symbols; 2: bits") }),
  symbols: ({ symbols }) => symbols,
  window: (length) => length + 1,
  question: (rng, { length, c }) => drawSymbols(rng, length, c.symbols),
  answer: (given, { symbols }) => [given.reduce((sum, x) => sum + x, 0) % symbols],
});
