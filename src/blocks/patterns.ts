/** Four ideas that recur in what came after the Transformer; a component says which of them it is made of. */
export const patterns = {
  "higher-order": "products of several functions of the input, beyond one map and one nonlinearity",
  "multi-x": "several of a kind side by side: heads, experts, scales, streams",
  "data-gating": "factors that the data decide, between nothing and all",
  "moving-average": "averages over earlier tokens or neighbours, mostly with weights that fade",
} as const;

export type Pattern = keyof typeof patterns;
export const patternNames = Object.keys(patterns) as Pattern[];
