import { z } from "zod";
import { answerTask } from "../answer-task.ts";
import { drawSymbols, upTo } from "../task.ts";

/** Action a moves by a − steps. */
export const cycleNavigation = answerTask({
  kind: "cycle-navigation",
  title: "Cycle navigation",
  cite: { arxiv: "2207.02098", by: "Delétang et al. 2023" },
  layout: "moves on a circle, from place 0 | → the last place",
  config: z.strictObject({
    places: z.int().min(2).default(5).describe("places on the circle"),
    steps: z.int().positive().default(1).describe("longest move, forward and back"),
  }),
  symbols: ({ places, steps }) => Math.max(places, 2 * steps + 1),
  window: (length) => length + 1,
  answers: ({ places }) => upTo(places),
  question: (rng, { length, c }) => drawSymbols(rng, length, 2 * c.steps + 1),
  answer(moves, { places, steps }) {
    const place = moves.reduce((sum, move) => sum + move - steps, 0) % places;
    return [(place + places) % places];
  },
});
