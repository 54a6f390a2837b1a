// Written by `npm run generate` from the components' declarations.
import { classes } from "../heads/classes.ts";
import { lm } from "../heads/lm.ts";

export const heads = {
  classes,
  lm,
} as const;
