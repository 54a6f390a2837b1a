// Written by `npm run generate` from the components' declarations.
import { rmsnorm } from "../norms/rmsnorm.ts";

export const norms = {
  rmsnorm,
} as const;
