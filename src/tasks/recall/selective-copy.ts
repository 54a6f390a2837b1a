import { z } from "zod";
import type { Rng } from "../../ops/index.ts";
import { defineTask, drawSymbols, labelled, upTo } from "../task.ts";

/** Symbols, then the blank, then the token behind which the copy is asked for. */
export const selectiveCopy = defineTask({
  kind: "selective-copy",
  title: "Selective copying",
  cite: { arxiv: "2312.00752", by: "Gu & Dao 2023", title: "Mamba, section 4.1.1" },
  layout: "_ x₁ _ _ x₂ … xₙ ? _ _ … _ → at the last n blanks: x₁ … xₙ",
  config: z.strictObject({
    symbols: z.int().min(2).default(14).describe("distinct symbols"),
    tokens: z.int().positive().default(8).describe("n"),
    blanks: z.enum(["among", "behind"]).default("among").describe("where they stand: among the symbols, or all behind"),
  }),
  lengthIs: "places",
  least: ({ tokens }) => 2 * tokens + 1,
  window: (length) => length,
  vocabulary: ({ symbols }) => symbols + 2,
  answers: ({ symbols }) => upTo(symbols),
  sample(rng, { length, c: { symbols, tokens, blanks } }) {
    const given = drawSymbols(rng, tokens, symbols);
    const places = length - tokens - 1;
    const shown = new Array<number>(places).fill(symbols);
    const chosen = blanks === "among" ? scattered(rng, tokens, places) : upTo(tokens);
    for (const [i, place] of chosen.entries()) shown[place] = given[i]!;
    const asked = new Array<number>(tokens).fill(symbols);
    return labelled([...shown, symbols + 1, ...asked], [...new Array<undefined>(places + 1).fill(undefined), ...given]);
  },
});

/** So many of the places in order, the last among them, the others drawn. */
function scattered(rng: Rng, count: number, places: number): number[] {
  const others = rng.permutation(places - 1).subarray(0, count - 1);
  return [...others.toSorted(), places - 1];
}
