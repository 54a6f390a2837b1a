// Written by `npm run generate` from the components' declarations.
import { alibi } from "../positions/alibi.ts";
import { learned } from "../positions/learned.ts";
import { none } from "../positions/none.ts";
import { rope } from "../positions/rope.ts";
import { sinusoidal } from "../positions/sinusoidal.ts";
import { t5Bias } from "../positions/t5-bias.ts";

export const positions = {
  alibi,
  learned,
  none,
  rope,
  sinusoidal,
  "t5-bias": t5Bias,
} as const;
