import { concat, constant, layerNorm, rmsNorm, type Tensor } from "../../tensor/index.ts";
import { bias, gain, type ParameterDeclaration } from "../weights/declare.ts";
import { value, type Weight } from "../weights/use.ts";

/** Norms of queries and keys; all but `rms-wide` act on each head alone. */
export const queryKeyNorms = ["none", "rms", "rms-wide", "layer", "l2"] as const;
export type QueryKeyNorm = (typeof queryKeyNorms)[number];

interface Parameters<T> {
  queryGain?: T;
  keyGain?: T;
  queryOffset?: T;
  keyOffset?: T;
  /** [H], factor on scores of unit vectors. */
  temperature?: T;
}

export function normParams(
  kind: QueryKeyNorm,
  { H, G, K }: { H: number; G: number; K: number },
): Parameters<ParameterDeclaration> {
  switch (kind) {
    case "none":
      return {};
    case "rms":
      return { queryGain: gain(K), keyGain: gain(K) };
    case "rms-wide":
      return { queryGain: gain(H * K), keyGain: gain(G * K) };
    case "layer":
      return { queryGain: gain(K), keyGain: gain(K), queryOffset: bias(K), keyOffset: bias(K) };
    case "l2":
      return { temperature: gain(H, 10) };
  }
}

/** What the norms read: the kind, ε of the mean square, and the weights. */
export interface NormContext {
  c: { qkNorm: QueryKeyNorm; normEpsilon: number };
  p: Parameters<Weight>;
}

/** The norm over all heads together, on columns q, k, v [B, T, H·K | G·K | G·K] before they are split into heads. */
export function normaliseColumns(joined: Tensor, { c, p }: NormContext): Tensor {
  if (c.qkNorm !== "rms-wide") return joined;
  const [queries, keys] = [p.queryGain!, p.keyGain!].map(value) as [Tensor, Tensor];
  const [q, k, v] = joined.split(-1, [queries.dim(0), keys.dim(0), keys.dim(0)]) as [Tensor, Tensor, Tensor];
  return concat(-1, [rmsNorm(q, queries, c.normEpsilon), rmsNorm(k, keys, c.normEpsilon), v]);
}

/** The norms of single heads: q [B, H, T, K], k [B, G, T, K]. */
export function normaliseHeads(q: Tensor, k: Tensor, { c, p }: NormContext): { q_BHTK: Tensor; k_BGTK: Tensor } {
  switch (c.qkNorm) {
    case "rms":
      return {
        q_BHTK: rmsNorm(q, value(p.queryGain!), c.normEpsilon),
        k_BGTK: rmsNorm(k, value(p.keyGain!), c.normEpsilon),
      };
    case "layer": {
      const norm = (x: Tensor, g: Weight, b: Weight) => layerNorm(x, value(g), value(b), c.normEpsilon);
      return { q_BHTK: norm(q, p.queryGain!, p.queryOffset!), k_BGTK: norm(k, p.keyGain!, p.keyOffset!) };
    }
    case "l2":
      return { q_BHTK: unitLength(q).mul(value(p.temperature!).reshape([-1, 1, 1])), k_BGTK: unitLength(k) };
    default:
      return { q_BHTK: q, k_BGTK: k };
  }
}

/** x / |x| over the last axis, as an RMS norm whose gain is 1/√K: one fused op. */
function unitLength(x: Tensor): Tensor {
  const K = x.dim(-1);
  return rmsNorm(x, constant(new Float64Array(K).fill(K ** -0.5), [K]), 1e-12);
}
