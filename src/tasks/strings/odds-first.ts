import { z } from "zod";
import { answerTask } from "../answer-task.ts";
import { drawSymbols } from "../task.ts";

/** Odd places first, counted from 0, as the authors' code does (their text counts from 1 and says the opposite). */
export const oddsFirst = answerTask({
  kind: "odds-first",
  title: "Odd places first",
  cite: { arxiv: "2207.02098", by: "Delétang et al. 2023" },
  layout: "x₀ … xₙ₋₁ | → x₁ x₃ x₅ … x₀ x₂ x₄ …",
  config: z.strictObject({ symbols: z.int().min(2).default(2).describe("distinct symbols") }),
  symbols: ({ symbols }) => symbols,
  question: (rng, { length, c }) => drawSymbols(rng, length, c.symbols),
  answer: (given) => [...given.filter((_, place) => place % 2 === 1), ...given.filter((_, place) => place % 2 === 0)],
});
