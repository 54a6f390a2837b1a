import { z } from "zod";
import { answerTask } from "../answer-task.ts";
import { upTo } from "../task.ts";
import { drawExpression, type Notation, valueModulo } from "./bracket-expressions.ts";

/** Numbers 0 … m − 1, + (m), − (m + 1), ( (m + 2), ) (m + 3), the unknown (m + 4), = (m + 5). */
export const equation = answerTask({
  kind: "equation",
  title: "Solve an equation",
  cite: { arxiv: "2207.02098", by: "Delétang et al. 2023" },
  layout: "((a + x) − b) = v | → x",
  config: z.strictObject({ modulus: z.int().min(2).default(5).describe("m") }),
  symbols: ({ modulus }) => modulus + 6,
  least: () => 3,
  window: (length) => length + 1,
  answers: ({ modulus }) => upTo(modulus),
  question(rng, { length, c: { modulus } }) {
    const notation = notationOf(modulus);
    const expression = drawExpression(rng, length - 2, notation);
    const numbers = expression.flatMap((id, place) => (id < modulus ? [place] : []));
    const hidden = numbers[rng.below(numbers.length)]!;
    return [...expression.with(hidden, modulus + 4), modulus + 5, valueModulo(expression, notation)];
  },
  answer(given, { modulus }) {
    const notation = notationOf(modulus);
    const hidden = given.indexOf(modulus + 4);
    const solves = (x: number) => valueModulo(given.slice(0, -2).with(hidden, x), notation) === given.at(-1);
    // The unknown stands once and is only added or subtracted: exactly one number solves.
    return [upTo(modulus).find(solves)!];
  },
});

const notationOf = (m: number): Notation => ({ modulus: m, operators: [m, m + 1], open: m + 2, close: m + 3 });
