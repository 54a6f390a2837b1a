/**
 * What changes the scores of `attention` before they become weights. Axes as in `attention.ts`: B batch, H query heads, G key
 * heads, K head size, T queries of a block, S keys.
 */
import { groupedProduct, keepLargest } from "../../ops/index.ts";
import { iota, type Tensor, where } from "../../tensor/index.ts";
import { matrix, type ParameterDeclaration, tensor, vector } from "../weights/declare.ts";
import { value, type Weight } from "../weights/use.ts";
import type { AttentionConfig } from "./attention-config.ts";

interface Parameters<T> {
  /** [H, K, K]. */
  between?: T;
  /** [H, K], or [H, A] behind maps to A units. */
  score?: T;
  /** [H, K, A] each. */
  scoreQueries?: T;
  scoreKeys?: T;
  /** [P, K]. */
  contextual?: T;
  /** [G]. */
  valueBiasScale?: T;
  /** [G·V, G]. */
  valueBias?: T;
}

interface Sizes {
  H: number;
  G: number;
  K: number;
  V: number;
}

export function scoreParams(c: AttentionConfig, { H, G, K, V }: Sizes): Parameters<ParameterDeclaration> {
  const normal = { kind: "normal", std: K ** -0.5 } as const;
  return {
    ...(c.score === "bilinear" && { between: tensor([H, K, K], normal) }),
    ...(c.score === "additive" && additiveParams(c.scoreHidden, { H, K })),
    ...(c.contextualPositions !== undefined && { contextual: tensor([c.contextualPositions, K], normal) }),
    ...(c.dynamicMask !== undefined && {
      valueBiasScale: vector(G),
      valueBias: matrix(G * V, G),
    }),
  };
}

function additiveParams(A: number | undefined, { H, K }: Pick<Sizes, "H" | "K">): Parameters<ParameterDeclaration> {
  const normal = (inputs: number) => ({ kind: "normal", std: inputs ** -0.5 }) as const;
  if (A === undefined) return { score: tensor([H, K], normal(K)) };
  const map = () => tensor([H, K, A], normal(K));
  return { scoreQueries: map(), scoreKeys: map(), score: tensor([H, A], normal(A)) };
}

export type ScoreWeights = Parameters<Weight>;
type P = ScoreWeights;

/** Scores of a block in place of scaled products; undefined for those. */
export function scoreOf(c: AttentionConfig, p: P, scale: number) {
  switch (c.score) {
    case undefined:
      return undefined;
    case "bilinear":
      return (q: Tensor, k: Tensor) => groupedProduct(q.matmul(value(p.between!)), k, scale);
    case "distance":
      return (q: Tensor, k: Tensor) => distanceScores(q, k, scale);
    case "additive":
      return (q: Tensor, k: Tensor) => additiveScores(q, k, p);
  }
}

/** −scale·|q − k|², by the square's three terms. */
function distanceScores(q: Tensor, k: Tensor, scale: number): Tensor {
  const squares = (x: Tensor) => x.square().sum(-1).mul(scale);
  const keys = sharedHeads(squares(k).unsqueeze(-1), q.dim(1)).swap(-1, -2);
  return groupedProduct(q, k, 2 * scale)
    .sub(squares(q).unsqueeze(-1))
    .sub(keys);
}

/** w·tanh(q + k), or w·tanh(W₁q + W₂k), for every pair. */
function additiveScores(q: Tensor, k: Tensor, p: P): Tensor {
  const [w, H] = [value(p.score!), q.dim(1)];
  const keys = sharedHeads(k, H);
  const queries = p.scoreQueries ? q.matmul(value(p.scoreQueries)) : q;
  const mapped = p.scoreKeys ? keys.matmul(value(p.scoreKeys)) : keys;
  const pairs_BHTSA = queries.unsqueeze(3).add(mapped.unsqueeze(2)).tanh();
  return pairs_BHTSA.matmul(w.reshape([H, 1, w.dim(1), 1])).squeeze(-1);
}

/** [B, G, S, K] → [B, H, S, K], each head for its H/G neighbours. */
export function sharedHeads(x: Tensor, heads: number): Tensor {
  const [B, G, S, K] = x.shape as [number, number, number, number];
  if (G === heads) return x;
  return x
    .unsqueeze(2)
    .expand([B, G, heads / G, S, K])
    .reshape([B, heads, S, K]);
}

/**
 * A bias for each key from its value: exp(a·softplus(W v)), [B, H, 1, S] of v [B, G, S, V]. Doge 2024, dynamic mask attention.
 */
export function valueBias(v_BGSV: Tensor, p: P, heads: number): Tensor {
  const [B, G, S, V] = v_BGSV.shape as [number, number, number, number];
  const merged = v_BGSV.swap(1, 2).reshape([B, S, G * V]);
  const bias_BSG = merged.matmul(value(p.valueBias!)).softplus().mul(value(p.valueBiasScale!)).exp();
  return sharedHeads(bias_BSG.swap(1, 2).unsqueeze(-1), heads).swap(-1, -2);
}

interface Refined {
  c: AttentionConfig;
  p: P;
  q_BHTK: Tensor;
  /** The bias from values, over the same keys. */
  bias_BH1S: Tensor | undefined;
  mask_BT: Tensor | undefined;
}

/** Changes of masked scores [B, H, T, S], in the order in which they act. */
export function refine(scores: Tensor, { c, p, q_BHTK, bias_BH1S, mask_BT }: Refined): Tensor {
  let refined = scores;
  if (p.contextual) refined = refined.add(contextualBias(refined, q_BHTK, value(p.contextual)));
  if (c.selective) refined = refined.sub(forgottenBefore(refined, mask_BT));
  if (c.dynamicMask !== undefined) refined = keepLargest(refined, c.dynamicMask, bias_BH1S!.expand(refined.shape));
  return refined;
}

/**
 * CoPE: a key's position is the number of open gates from it to the query, and the query's product with that position's
 * vector, interpolated between whole ones, is added to its score. Golovneva et al. 2024, eq. 3–5.
 */
function contextualBias(scores: Tensor, q_BHTK: Tensor, table_PK: Tensor): Tensor {
  const last = table_PK.dim(0) - 1;
  const position = scores.sigmoid().cumsum(-1, { reverse: true }).minimum(last);
  const below = position.stopGradient().cast("i32").minimum(last);
  const products = q_BHTK.matmul(table_PK, { transB: true });
  const at = (index: Tensor) => products.gatherElements(-1, index);
  const share = position.sub(below.cast("f32"));
  const [low, high] = [at(below), at(below.add(1).minimum(last))];
  return low.add(high.sub(low).mul(share));
}

/** Σ of what earlier tokens' first head says against each key: never against the first key or a token itself. */
function forgottenBefore(scores: Tensor, mask_BT: Tensor | undefined): Tensor {
  const T = scores.dim(2);
  const [row, column] = [iota(T).unsqueeze(1), iota(T)];
  const counted = row.equal(column).or(column.equal(0)).not();
  const exists = mask_BT ? counted.and(mask_BT.unsqueeze(1).unsqueeze(3)) : counted;
  return where(exists, scores.slice(1, 0, 1).relu(), 0).cumsum(2, { exclusive: true });
}
