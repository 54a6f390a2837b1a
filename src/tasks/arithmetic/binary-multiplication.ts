import { z } from "zod";
import { answerTask } from "../answer-task.ts";
import { drawPair, mark, marked, readPair } from "./binary.ts";

export const binaryMultiplication = answerTask({
  kind: "binary-multiplication",
  title: "Binary multiplication",
  cite: { arxiv: "2207.02098", by: "Delétang et al. 2023" },
  layout: "a₁ … aₙ 2 b₁ … bₘ, lowest bit first | → the product, lowest bit first, 2",
  config: z.strictObject({}),
  symbols: () => 3,
  least: () => 3,
  window: (length) => 2 * length,
  end: mark,
  question: (rng, { length }) => drawPair(rng, length),
  answer(given) {
    const [a, b] = readPair(given);
    return marked(a * b, given.length);
  },
});
