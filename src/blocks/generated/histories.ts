// Written by `npm run generate` from the components' declarations.
import { dense } from "../histories/dense.ts";
import { dynamicDense } from "../histories/dynamic-dense.ts";
import { groupFusion } from "../histories/group-fusion.ts";
import { inputInjection } from "../histories/input-injection.ts";
import { unetSkips } from "../histories/unet-skips.ts";

export const histories = {
  dense,
  "dynamic-dense": dynamicDense,
  "group-fusion": groupFusion,
  "input-injection": inputInjection,
  "unet-skips": unetSkips,
} as const;
