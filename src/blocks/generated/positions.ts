// Written by `npm run generate` from the components' declarations.
import { alibi } from "../positions/alibi.ts";
import { disentangled } from "../positions/disentangled.ts";
import { dynamicBias } from "../positions/dynamic-bias.ts";
import { learned } from "../positions/learned.ts";
import { none } from "../positions/none.ts";
import { pope } from "../positions/pope.ts";
import { projectedBias } from "../positions/projected-bias.ts";
import { relative } from "../positions/relative.ts";
import { rope } from "../positions/rope.ts";
import { sinusoidal } from "../positions/sinusoidal.ts";
import { t5Bias } from "../positions/t5-bias.ts";
import { transformerXl } from "../positions/transformer-xl.ts";

export const positions = {
  alibi,
  disentangled,
  "dynamic-bias": dynamicBias,
  learned,
  none,
  pope,
  "projected-bias": projectedBias,
  relative,
  rope,
  sinusoidal,
  "t5-bias": t5Bias,
  "transformer-xl": transformerXl,
} as const;
