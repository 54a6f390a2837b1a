import { convolutional } from "./convolutional.ts";
import { descendants } from "./descendants.ts";
import type { PublishedModel } from "./published-model.ts";
import { recurrent } from "./recurrent.ts";
import { transformers } from "./transformers.ts";

/** Every spec of `specs/published` by its name. */
export const publishedModels: Readonly<Record<string, PublishedModel>> = {
  ...transformers,
  ...descendants,
  ...recurrent,
  ...convolutional,
};
