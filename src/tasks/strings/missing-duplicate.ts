import { z } from "zod";
import { answerTask } from "../answer-task.ts";
import { drawSymbols } from "../task.ts";

const [hole, filler] = [2, 3];

export const missingDuplicate = answerTask({
  kind: "missing-duplicate",
  title: "The missing bit of a string written twice",
  cite: { arxiv: "2207.02098", by: "Delétang et al. 2023", title: "missing duplicate" },
  layout: "w w with a hole, a filler where the length is odd | → the bit",
  config: z.strictObject({}),
  symbols: () => 4,
  least: () => 2,
  window: (length) => length + 1,
  answers: () => [0, 1],
  question(rng, { length }) {
    const half = drawSymbols(rng, Math.floor(length / 2), 2);
    const twice = [...half, ...half];
    twice[rng.below(twice.length)] = hole;
    return length % 2 === 0 ? twice : [...twice, filler];
  },
  answer(given) {
    const half = Math.floor(given.length / 2);
    const place = given.indexOf(hole);
    return [given[place < half ? place + half : place - half]!];
  },
});
