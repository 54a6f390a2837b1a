import { z } from "zod";
import { answerTask } from "../answer-task.ts";
import { drawSymbols } from "../task.ts";

/** Digits 0 … base − 1, the plus sign is `base`. */
export const addition = answerTask({
  kind: "addition",
  title: "Addition of numbers with n digits",
  cite: { arxiv: "2310.13121", by: "Quirke & Barez 2023", title: "Understanding Addition in Transformers" },
  layout: "aₙ … a₁ + bₙ … b₁ | → sₙ₊₁ … s₁",
  config: z.strictObject({
    base: z.int().min(2).default(10).describe("of the digits"),
    order: z.enum(["big", "little"]).default("big").describe("which digit comes first: of the highest or lowest place"),
  }),
  symbols: ({ base }) => base + 1,
  lengthIs: "digits of each number",
  window: (length) => 3 * length + 2,
  answers: ({ base }) => Array.from({ length: base }, (_, digit) => digit),
  question: (rng, { length, c }) => [...drawSymbols(rng, length, c.base), c.base, ...drawSymbols(rng, length, c.base)],
  answer(given, { base, order }) {
    const length = (given.length - 1) / 2;
    const lowestFirst = (digits: readonly number[]) => (order === "big" ? digits.toReversed() : [...digits]);
    const [a, b] = [lowestFirst(given.slice(0, length)), lowestFirst(given.slice(length + 1))];
    let carry = 0;
    const sum = [...a, 0].map((digit, place) => {
      const total = digit + (b[place] ?? 0) + carry;
      carry = total >= base ? 1 : 0;
      return total - carry * base;
    });
    return lowestFirst(sum);
  },
});
