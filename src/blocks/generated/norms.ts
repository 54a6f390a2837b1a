// Written by `npm run generate` from the components' declarations.
import { none } from "../norms/none.ts";
import { rmsnorm } from "../norms/rmsnorm.ts";

export const norms = {
  none,
  rmsnorm,
} as const;
