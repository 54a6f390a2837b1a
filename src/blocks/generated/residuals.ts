// Written by `npm run generate` from the components' declarations.
import { add } from "../residuals/add.ts";
import { none } from "../residuals/none.ts";
import { scaled } from "../residuals/scaled.ts";

export const residuals = {
  add,
  none,
  scaled,
} as const;
