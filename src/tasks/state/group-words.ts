import { z } from "zod";
import { defineTask, drawSymbols, labelled, upTo } from "../task.ts";
import { groupPattern, groupTable, runningProducts } from "./permutation-groups.ts";

const tables = new Map<string, number[][]>();

/** The table of a group, made once. */
function tableOf(group: string): number[][] {
  const table = tables.get(group) ?? groupTable(group);
  tables.set(group, table);
  return table;
}

export const groupWords = defineTask({
  kind: "group-words",
  title: "Word problem of a finite group",
  cite: { arxiv: "2404.08819", by: "Merrill et al. 2024", title: "The Illusion of State in State-Space Models" },
  layout: "g₁ g₂ … gₙ → at every place t: g₁·g₂·…·gₜ",
  config: z.strictObject({
    group: z.string().regex(groupPattern).default("S3").describe("S2 to S5, A3 to A5, or Z1 to Z999"),
  }),
  lengthIs: "elements of the word",
  least: () => 1,
  window: (length) => length,
  vocabulary: ({ group }) => tableOf(group).length,
  answers: ({ group }) => upTo(tableOf(group).length),
  sample(rng, { length, c }) {
    const table = tableOf(c.group);
    const word = drawSymbols(rng, length, table.length);
    return labelled(word, runningProducts(table, word));
  },
});
