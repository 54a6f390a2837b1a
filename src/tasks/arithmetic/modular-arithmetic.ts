import { z } from "zod";
import { answerTask } from "../answer-task.ts";
import { drawSymbols, upTo } from "../task.ts";
import { remainder } from "./remainder.ts";

/** Numbers 0 … m − 1, then + (m), − (m + 1), · (m + 2). */
export const modularArithmetic = answerTask({
  kind: "modular-arithmetic",
  title: "Modular arithmetic without brackets",
  cite: { arxiv: "2207.02098", by: "Delétang et al. 2023" },
  layout: "a + b − c · d … | → value mod m, products first",
  config: z.strictObject({ modulus: z.int().min(2).default(5).describe("m") }),
  symbols: ({ modulus }) => modulus + 3,
  lengthIs: "numbers and operators, rounded down to an odd number",
  window: (length) => odd(length) + 1,
  answers: ({ modulus }) => upTo(modulus),
  question(rng, { length, c: { modulus } }) {
    const numbers = drawSymbols(rng, (odd(length) + 1) / 2, modulus);
    return numbers.flatMap((number, i) => (i === 0 ? [number] : [modulus + rng.below(3), number]));
  },
  answer(given, { modulus }) {
    const terms = [given[0]!];
    for (let i = 1; i < given.length; i += 2) {
      const [operator, number] = [given[i]! - modulus, given[i + 1]!];
      if (operator === 2) terms.push(remainder(terms.pop()! * number, modulus));
      else terms.push(operator === 0 ? number : -number);
    }
    return [
      remainder(
        terms.reduce((sum, term) => sum + term, 0),
        modulus,
      ),
    ];
  },
});

const odd = (length: number): number => length - 1 + (length % 2);
