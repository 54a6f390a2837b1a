/** Ways in which a model's matrices may start in place of their own. */
import type { Init } from "../blocks/index.ts";

/**
 * Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", eq. 12 and 16: variance
 * 2 / (inputs + outputs), uniform within ±√(6 / (inputs + outputs)) or normal.
 */
export const initSchemes = ["xavier-uniform", "xavier-normal"] as const;
export type InitScheme = (typeof initSchemes)[number];

/** The start of a parameter under a scheme: matrices whose start goes by their inputs change, all else stays as declared. */
export function initUnder(scheme: InitScheme | undefined, init: Init): Init {
  if (scheme === undefined || !("fans" in init) || init.fans === undefined) return init;
  const std = Math.sqrt(2 / (init.fans.inputs + init.fans.outputs));
  const bound = Math.sqrt(3) * std;
  return scheme === "xavier-normal" ? { kind: "normal", std } : { kind: "uniform", low: -bound, high: bound };
}
