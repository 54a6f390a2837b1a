// Written by `npm run generate` from the components' declarations.
import { alibi } from "../positions/alibi.ts";
import { disentangled } from "../positions/disentangled.ts";
import { dynamicBias } from "../positions/dynamic-bias.ts";
import { learned } from "../positions/learned.ts";
import { learned2d } from "../positions/learned-2d.ts";
import { none } from "../positions/none.ts";
import { pope } from "../positions/pope.ts";
import { projectedBias } from "../positions/projected-bias.ts";
import { relative } from "../positions/relative.ts";
import { rope } from "../positions/rope.ts";
import { rope2d } from "../positions/rope-2d.ts";
import { sinusoidal } from "../positions/sinusoidal.ts";
import { sinusoidal2d } from "../positions/sinusoidal-2d.ts";
import { t5Bias } from "../positions/t5-bias.ts";
import { transformerXl } from "../positions/transformer-xl.ts";

export const positions = {
  alibi,
  disentangled,
  "dynamic-bias": dynamicBias,
  learned,
  "learned-2d": learned2d,
  none,
  pope,
  "projected-bias": projectedBias,
  relative,
  rope,
  "rope-2d": rope2d,
  sinusoidal,
  "sinusoidal-2d": sinusoidal2d,
  "t5-bias": t5Bias,
  "transformer-xl": transformerXl,
} as const;
