import { z } from "zod";
import { answerTask } from "../answer-task.ts";
import { drawSymbols } from "../task.ts";

/** Actions behind the bits 0 and 1; a pop ends the answer, too. */
const [pop, push0, actions] = [2, 3, 3];

export const stack = answerTask({
  kind: "stack",
  title: "Stack manipulation",
  cite: { arxiv: "2207.02098", by: "Delétang et al. 2023" },
  layout: "bits from bottom to top, then actions (2 pop, 3 push 0, 4 push 1) | → bits from top to bottom, 2",
  config: z.strictObject({}),
  symbols: () => 5,
  window: (length) => 2 * length + 1,
  answers: () => [0, 1, pop],
  end: pop,
  question(rng, { length }) {
    const bits = 1 + rng.below(length);
    return [...drawSymbols(rng, bits, 2), ...drawSymbols(rng, length - bits, actions).map((action) => pop + action)];
  },
  answer(given) {
    const held: number[] = [];
    for (const id of given) {
      if (id === pop) held.pop();
      else held.push(id < pop ? id : id - push0);
    }
    return [...held.toReversed(), pop, ...new Array<number>(given.length - held.length).fill(0)];
  },
});
