import { z } from "zod";
import { answerTask } from "../answer-task.ts";
import { drawSymbols, upTo } from "../task.ts";

export const modularAddition = answerTask({
  kind: "modular-addition",
  title: "Modular addition",
  cite: { arxiv: "2201.02177", by: "Power et al. 2022", title: "Grokking" },
  layout: "x₁ … xₙ | → (x₁ + … + xₖ) mod p",
  config: z.strictObject({
    modulus: z.int().min(2).default(23).describe("p"),
    terms: z.int().positive().nullable().default(null).describe("k, the first so many count; null: all"),
  }),
  symbols: ({ modulus }) => modulus,
  least: ({ terms }) => terms ?? 1,
  window: (length) => length + 1,
  answers: ({ modulus }) => upTo(modulus),
  question: (rng, { length, c }) => drawSymbols(rng, length, c.modulus),
  answer: (given, { modulus, terms }) => [
    given.slice(0, terms ?? given.length).reduce((sum, x) => sum + x, 0) % modulus,
  ],
});
