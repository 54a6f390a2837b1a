// Written by `npm run generate` from the components' declarations.
import { add } from "../residuals/add.ts";
import { conditionGate } from "../residuals/condition-gate.ts";
import { gruGate } from "../residuals/gru-gate.ts";
import { highway } from "../residuals/highway.ts";
import { layerscale } from "../residuals/layerscale.ts";
import { none } from "../residuals/none.ts";
import { rectified } from "../residuals/rectified.ts";
import { rezero } from "../residuals/rezero.ts";
import { scaled } from "../residuals/scaled.ts";
import { skipScale } from "../residuals/skip-scale.ts";
import { stochasticDepth } from "../residuals/stochastic-depth.ts";

export const residuals = {
  add,
  "condition-gate": conditionGate,
  "gru-gate": gruGate,
  highway,
  layerscale,
  none,
  rectified,
  rezero,
  scaled,
  "skip-scale": skipScale,
  "stochastic-depth": stochasticDepth,
} as const;
