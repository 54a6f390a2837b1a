// Written by `npm run generate` from the components' declarations.
import { adaptiveNorm } from "../norms/adaptive-norm.ts";
import { affine } from "../norms/affine.ts";
import { batchnorm } from "../norms/batchnorm.ts";
import { dyt } from "../norms/dyt.ts";
import { groupnorm } from "../norms/groupnorm.ts";
import { layernorm } from "../norms/layernorm.ts";
import { none } from "../norms/none.ts";
import { rmsnorm } from "../norms/rmsnorm.ts";
import { scalenorm } from "../norms/scalenorm.ts";

export const norms = {
  "adaptive-norm": adaptiveNorm,
  affine,
  batchnorm,
  dyt,
  groupnorm,
  layernorm,
  none,
  rmsnorm,
  scalenorm,
} as const;
