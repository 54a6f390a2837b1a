/**
 * Residual schemes that see more than one stream or earlier layers: what a layer reads is a mixture of streams, and what
 * it writes is spread over them.
 * Axes: leading axes of tokens, S streams, D model, L states of the stream so far.
 */
import { concat, gelu, ones, rmsNorm, type Tensor } from "../tensor/index.ts";

/** What a layer reads of its streams, and how its output goes back. */
export interface StreamMix {
  /** [..., S]: shares of the streams in the layer's input. */
  read: Tensor;
  /** [..., S, S]: row s, column t: share of stream s in the next stream t. */
  carry: Tensor;
  /** [..., S]: share of the layer's output in each next stream. */
  write: Tensor;
}

/** S copies of a stream: [..., D] → [..., S, D]. */
export const openStreams = (x: Tensor, streams: number): Tensor =>
  x.unsqueeze(-2).expand([...x.shape.slice(0, -1), streams, x.dim(-1)]);

/** Their sum: [..., S, D] → [..., D]. */
export const closeStreams = (x_SD: Tensor): Tensor => x_SD.sum(-2);

/** The layer's input: Σ_s read_s x_s. */
export const readStreams = (x_SD: Tensor, { read }: StreamMix): Tensor => x_SD.mul(read.unsqueeze(-1)).sum(-2);

/** The next streams: Σ_s carry_st x_s + write_t y. */
export function writeStreams(x_SD: Tensor, y: Tensor, { carry, write }: StreamMix): Tensor {
  return carry.matmul(x_SD, { transA: true }).add(write.unsqueeze(-1).mul(y.unsqueeze(-2)));
}

/** Parts of a hyper-connection that depend on the token; each may be left out (static). */
export interface DynamicShares {
  /** [D, 1 + S]: of the reading share and the carrying shares of a stream. */
  alpha: Tensor;
  /** [D]: of the writing share. */
  beta: Tensor;
  alphaScale: Tensor;
  betaScale: Tensor;
}

export interface HyperShares {
  /** [S, 1 + S]: column 0 the reading share, then row s of the carrying shares. */
  alpha: Tensor;
  /** [S] */
  beta: Tensor;
  dynamic?: DynamicShares;
}

/**
 * Hyper-connections (Zhu et al. 2024, arXiv 2409.19606, eq. 10–14): static shares plus tanh of a map of each normed
 * stream. `bounded: false` leaves the tanh out.
 */
export function hyperConnection(
  normed_SD: Tensor,
  { alpha, beta, dynamic }: HyperShares,
  { bounded = true }: { bounded?: boolean } = {},
): StreamMix {
  const S = beta.dim(0);
  if (dynamic === undefined) return { read: alpha.at(1, 0), carry: alpha.slice(1, 1), write: beta };
  const act = (t: Tensor) => (bounded ? t.tanh() : t);
  const shares = act(normed_SD.matmul(dynamic.alpha)).mul(dynamic.alphaScale).add(alpha);
  const write = act(scoresOf(normed_SD, dynamic.beta)).mul(dynamic.betaScale).add(beta);
  return { read: shares.slice(-1, 0, 1).squeeze(-1), carry: shares.slice(-1, 1, 1 + S), write };
}

export interface ManifoldShares {
  alpha: Tensor;
  beta: Tensor;
  dynamicAlpha: Tensor;
  dynamicBeta: Tensor;
  readScale: Tensor;
  carryScale: Tensor;
  writeScale: Tensor;
}

/**
 * Manifold-constrained hyper-connections (Xie et al. 2025, eq. 7–9): what is carried is doubly stochastic, so that
 * streams keep their mean however deep the stack; reading shares lie in (0, 1), writing shares in (0, 2).
 */
export function manifoldConnection(
  normed_SD: Tensor,
  { alpha, beta, dynamicAlpha, dynamicBeta, readScale, carryScale, writeScale }: ManifoldShares,
  { iterations = 20 }: { iterations?: number } = {},
): StreamMix {
  const S = beta.dim(0);
  const moved = normed_SD.matmul(dynamicAlpha);
  const part = (t: Tensor, start: number, end: number) => t.slice(-1, start, end);
  const read = part(moved, 0, 1)
    .mul(readScale)
    .add(part(alpha, 0, 1))
    .sigmoid()
    .squeeze(-1);
  const carried = part(moved, 1, 1 + S)
    .mul(carryScale)
    .add(part(alpha, 1, 1 + S));
  const write = scoresOf(normed_SD, dynamicBeta).mul(writeScale).add(beta).sigmoid().mul(2);
  return { read, carry: doublyStochastic(carried, iterations), write };
}

/** e^logits [..., S, S] with rows and columns brought to sum 1 by turns, rows (axis −2) first; in logarithms, hence stable. */
export function doublyStochastic(logits: Tensor, iterations: number): Tensor {
  let log = logits;
  for (let turn = 0; turn < iterations; turn++) log = log.logSoftmax(-2).logSoftmax(-1);
  return log.exp();
}

/** x · w over the last axis. */
const scoresOf = (x: Tensor, w: Tensor): Tensor => x.matmul(w.unsqueeze(1)).squeeze(-1);

/**
 * A weighted sum of all states of the stream so far, [..., D] each, the newest last: static weights [L] (DenseFormer,
 * Pagliardini et al. 2024, eq. 2), or weights [..., L] of each token (MUDDFormer; layer integration).
 */
export function depthAverage(states: readonly Tensor[], weights: Tensor): Tensor {
  return states.map((state, l) => state.mul(weights.slice(-1, l, l + 1))).reduce((sum, part) => sum.add(part));
}

/**
 * Weights [..., L] of L states for each token, from the newest: gelu(rms(x) W₁) W₂ + a (MUDDFormer, Xiao et al. 2025,
 * eq. 5); W₁ `down` [D, M], W₂ `up` [M, L], a `fixed` [L]. With W₂ at 0 they are DenseFormer's.
 */
export function dynamicDepthWeights(x: Tensor, { down, up, fixed }: Record<"down" | "up" | "fixed", Tensor>): Tensor {
  const normed = rmsNorm(x, ones([x.dim(-1)]));
  return gelu(normed.matmul(down)).matmul(up).add(fixed);
}

/** A map of a stream beside an earlier one, W [2D, D]: [earlier, x] W (the long skips of a U-net: Bao et al. 2022, U-ViT). */
export const joinSkip = (x: Tensor, earlier: Tensor, w: Tensor): Tensor => concat(-1, [earlier, x]).matmul(w);
