import { z } from "zod";
import { answerTask } from "../answer-task.ts";
import { drawSymbols } from "../task.ts";

/**
 * With an encoder–decoder that has no cross-attention and the bridge `state`, this is the compression of Poli et al. 2024: what
 * was read is written again out of the last place's state alone.
 */
export const copy = answerTask({
  kind: "copy",
  title: "Copy",
  cite: { arxiv: "1410.5401", by: "Graves et al. 2014", title: "Neural Turing Machines" },
  layout: "x₁ … xₙ | → x₁ … xₙ (times over)",
  config: z.strictObject({
    symbols: z.int().min(2).default(8).describe("distinct symbols"),
    times: z.int().positive().default(1).describe("how often they are repeated"),
  }),
  symbols: ({ symbols }) => symbols,
  window: (length, { times }) => length * (1 + times),
  question: (rng, { length, c }) => drawSymbols(rng, length, c.symbols),
  answer: (given, { times }) => Array.from({ length: times }, () => given).flat(),
});
