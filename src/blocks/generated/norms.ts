// Written by `npm run generate` from the components' declarations.
import { layernorm } from "../norms/layernorm.ts";
import { none } from "../norms/none.ts";
import { rmsnorm } from "../norms/rmsnorm.ts";

export const norms = {
  layernorm,
  none,
  rmsnorm,
} as const;
