import { z } from "zod";
import { answerTask } from "../answer-task.ts";
import { upTo } from "../task.ts";
import { drawExpression, type Notation, valueModulo } from "./bracket-expressions.ts";

/** Numbers 0 … m − 1, + (m), − (m + 1), · (m + 2), ( (m + 3), ) (m + 4). */
export const modularBrackets = answerTask({
  kind: "modular-brackets",
  title: "Modular arithmetic with brackets",
  cite: { arxiv: "2207.02098", by: "Delétang et al. 2023" },
  layout: "((a + b) − (−c)) | → value mod m",
  config: z.strictObject({
    modulus: z.int().min(2).default(5).describe("m"),
    products: z.boolean().default(false).describe("draw products, too"),
  }),
  symbols: ({ modulus }) => modulus + 5,
  window: (length) => length + 1,
  answers: ({ modulus }) => upTo(modulus),
  question: (rng, { length, c }) => drawExpression(rng, length, notationOf(c)),
  answer: (given, { modulus }) => [valueModulo(given, notationOf({ modulus, products: true }))],
});

const notationOf = ({ modulus: m, products }: { modulus: number; products: boolean }): Notation => ({
  modulus: m,
  operators: [m, m + 1, ...(products ? [m + 2] : [])],
  open: m + 3,
  close: m + 4,
});
