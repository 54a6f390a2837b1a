// Written by `npm run generate` from the components' declarations.
import { add } from "../residuals/add.ts";
import { none } from "../residuals/none.ts";

export const residuals = {
  add,
  none,
} as const;
