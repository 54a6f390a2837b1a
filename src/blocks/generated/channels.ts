// Written by `npm run generate` from the components' declarations.
import { mlp } from "../channels/mlp.ts";
import { moe } from "../channels/moe.ts";
import { none } from "../channels/none.ts";
import { swiglu } from "../channels/swiglu.ts";

export const channels = {
  mlp,
  moe,
  none,
  swiglu,
} as const;
