import { concat, constant, layerNorm, rmsNorm, type Shape, type Tensor } from "../../tensor/index.ts";
import { bias, gain, type ParameterDeclaration } from "../weights/declare.ts";
import { value, type Weight } from "../weights/use.ts";

/** Norms of queries and keys; all but `rms-wide` act on each head alone. */
export const queryKeyNorms = ["none", "rms", "rms-wide", "layer", "l2"] as const;
export type QueryKeyNorm = (typeof queryKeyNorms)[number];

export interface NormOptions {
  qkNorm: QueryKeyNorm;
  /** Added to the mean square or variance. */
  normEpsilon: number;
  normGain?: "per-head" | "none" | undefined;
  normOffset?: boolean | undefined;
  /** Parts of a head that l2 norms apart. */
  normGroups?: number | undefined;
}

interface Parameters<T> {
  queryGain?: T;
  keyGain?: T;
  queryOffset?: T;
  keyOffset?: T;
  /** [H], factor on scores of unit vectors. */
  temperature?: T;
}

export function normParams(
  c: Omit<NormOptions, "normEpsilon">,
  { H, G, K }: { H: number; G: number; K: number },
): Parameters<ParameterDeclaration> {
  const shape = (heads: number): Shape => (c.normGain === "per-head" ? [heads, 1, K] : [K]);
  const gains = c.normGain === "none" ? {} : { queryGain: gain(shape(H)), keyGain: gain(shape(G)) };
  switch (c.qkNorm) {
    case "none":
      return {};
    case "rms":
      return gains;
    case "rms-wide":
      return { queryGain: gain(H * K), keyGain: gain(G * K) };
    case "layer":
      return { ...gains, ...(c.normOffset !== false && { queryOffset: bias(K), keyOffset: bias(K) }) };
    case "l2":
      return { temperature: gain(H, 10) };
  }
}

/** What the norms read. */
export interface NormContext {
  c: NormOptions;
  p: Parameters<Weight>;
}

/** The norm over all heads together, on columns q, k, v [B, T, H·K | G·K | G·V] before they are split into heads. */
export function normaliseColumns(joined: Tensor, { c, p }: NormContext): Tensor {
  if (c.qkNorm !== "rms-wide") return joined;
  const [queries, keys] = [p.queryGain!, p.keyGain!].map(value) as [Tensor, Tensor];
  const sizes = [queries.dim(0), keys.dim(0), joined.dim(-1) - queries.dim(0) - keys.dim(0)];
  const [q, k, v] = joined.split(-1, sizes) as [Tensor, Tensor, Tensor];
  return concat(-1, [rmsNorm(q, queries, c.normEpsilon), rmsNorm(k, keys, c.normEpsilon), v]);
}

/** The norms of single heads: q [B, H, T, K], k [B, G, T, K]. */
export function normaliseHeads(q: Tensor, k: Tensor, { c, p }: NormContext): { q_BHTK: Tensor; k_BGTK: Tensor } {
  switch (c.qkNorm) {
    case "rms":
      return { q_BHTK: rmsHeads(q, p.queryGain, c.normEpsilon), k_BGTK: rmsHeads(k, p.keyGain, c.normEpsilon) };
    case "layer":
      return {
        q_BHTK: layerHeads(q, { gain: p.queryGain, offset: p.queryOffset, epsilon: c.normEpsilon }),
        k_BGTK: layerHeads(k, { gain: p.keyGain, offset: p.keyOffset, epsilon: c.normEpsilon }),
      };
    case "l2": {
      const groups = c.normGroups ?? 1;
      return {
        q_BHTK: unitLength(q, groups).mul(value(p.temperature!).reshape([-1, 1, 1])),
        k_BGTK: unitLength(k, groups),
      };
    }
    default:
      return { q_BHTK: q, k_BGTK: k };
  }
}

const filled = (size: number, number: number): Tensor => constant(new Float64Array(size).fill(number), [size]);
const shared = (weight: Weight | undefined): Tensor | undefined =>
  weight && value(weight).rank === 1 ? value(weight) : undefined;
const perHead = (weight: Weight | undefined): Tensor | undefined =>
  weight && value(weight).rank > 1 ? value(weight) : undefined;

/** RMS norm of each head [B, heads, T, K] with a gain [K], [heads, 1, K] or none. */
export function rmsHeads(x: Tensor, gain: Weight | undefined, epsilon: number): Tensor {
  const normed = rmsNorm(x, shared(gain) ?? filled(x.dim(-1), 1), epsilon);
  const own = perHead(gain);
  return own ? normed.mul(own) : normed;
}

function layerHeads(
  x: Tensor,
  { gain, offset, epsilon }: { gain: Weight | undefined; offset: Weight | undefined; epsilon: number },
): Tensor {
  const K = x.dim(-1);
  const own = perHead(gain);
  const bias = offset && value(offset);
  const normed = layerNorm(x, shared(gain) ?? filled(K, 1), (own ? undefined : bias) ?? filled(K, 0), epsilon);
  if (!own) return normed;
  return bias ? normed.mul(own).add(bias) : normed.mul(own);
}

/** x / |x| over equal parts of the last axis, as an RMS norm whose gain is 1/√size: one fused op. */
function unitLength(x: Tensor, groups: number): Tensor {
  const size = x.dim(-1) / groups;
  const parts = groups === 1 ? x : x.reshape([...x.shape.slice(0, -1), groups, size]);
  return rmsNorm(parts, filled(size, size ** -0.5), 1e-12).reshape(x.shape);
}
