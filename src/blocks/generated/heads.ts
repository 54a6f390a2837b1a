// Written by `npm run generate` from the components' declarations.
import { lm } from "../heads/lm.ts";

export const heads = {
  lm,
} as const;
