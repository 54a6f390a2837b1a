// Written by `npm run generate` from the components' declarations.
import { add } from "../residuals/add.ts";
import { gruGate } from "../residuals/gru-gate.ts";
import { layerscale } from "../residuals/layerscale.ts";
import { none } from "../residuals/none.ts";
import { rezero } from "../residuals/rezero.ts";
import { scaled } from "../residuals/scaled.ts";

export const residuals = {
  add,
  "gru-gate": gruGate,
  layerscale,
  none,
  rezero,
  scaled,
} as const;
