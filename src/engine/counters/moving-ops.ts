import type { PrimitiveOp } from "../../tensor/index.ts";

/** Ops that only place, name or convert data: they compute nothing and are no step of a chain. */
export const movingOps = [
  "input",
  "constant",
  "cast",
  "stopGradient",
  "reshape",
  "transpose",
  "expand",
  "concat",
  "slice",
  "pad",
  "flip",
  "gather",
  "gatherElements",
] as const satisfies readonly PrimitiveOp[];
