// Written by `npm run generate` from the components' declarations.
import { expertChoice } from "../channels/expert-choice.ts";
import { mlp } from "../channels/mlp.ts";
import { moe } from "../channels/moe.ts";
import { none } from "../channels/none.ts";
import { softMoe } from "../channels/soft-moe.ts";
import { swiglu } from "../channels/swiglu.ts";

export const channels = {
  "expert-choice": expertChoice,
  mlp,
  moe,
  none,
  "soft-moe": softMoe,
  swiglu,
} as const;
