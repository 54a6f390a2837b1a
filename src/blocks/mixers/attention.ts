import { blockwiseAttention, type Span } from "../../ops/index.ts";
import { concat, type Tensor, where, zeros } from "../../tensor/index.ts";
import { smoothnessOf } from "../channels/activation.ts";
import { type Capabilities, defineMixer, type GrowingState, type Io, type Ways } from "../define.ts";
import { oneToken } from "../one-token.ts";
import { bias, matrix, tensor, vector } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";
import { biasOf, keyBias, patternOf, type Seen, weighOf } from "./attention-blocks.ts";
import { cacheOf, positionsOf } from "./attention-cache.ts";
import { type AttentionConfig, assertOptions, attentionConfig, decodes } from "./attention-config.ts";
import { projectHeads } from "./attention-heads.ts";
import { normaliseHeads, normParams } from "./attention-norm.ts";
import { gatherHeads, outputParams, valuesOf } from "./attention-output.ts";
import { farthest } from "./attention-pattern.ts";
import { type PositionHooks, positionDims, positionHooks, positionParams, rotatedSize } from "./attention-positions.ts";
import { scoreOf, scoreParams } from "./attention-scores.ts";
import { attendSubset } from "./attention-subset.ts";
import { talkParams, talkScores } from "./attention-talk.ts";

const dims = (c: AttentionConfig, D: number) => {
  assertOptions(c);
  const [H, G, K] = [c.heads, c.kvHeads ?? c.heads, c.headSize ?? D / c.heads];
  return {
    D,
    H,
    G,
    K,
    V: c.valueSize ?? K,
    queriesPerKey: H / G,
    normGroup: K / (c.normGroups ?? 1),
    ...positionDims(c.positions, { K, heads: H, kvHeads: G, model: D }),
  };
};
type Dims = ReturnType<typeof dims>;

const params = (d: Dims, c: AttentionConfig) => {
  const columns = (d.H + d.G) * d.K + d.G * d.V;
  const besideKeys = (width: number) => tensor([d.G, c.memory ?? 0, width], { kind: "normal", std: 1 });
  return {
    qkv: matrix(d.D, columns),
    ...(c.bias && { qkvBias: bias(columns) }),
    ...normParams(c, d),
    ...scoreParams(c, d),
    ...talkParams(c, d.H),
    ...(c.sinks && { sink: vector(d.H) }),
    ...(c.memory !== undefined && { memoryKeys: besideKeys(rotatedSize(d)), memoryValues: besideKeys(d.V) }),
    ...positionParams(c.positions, d),
    ...outputParams(c, d),
    out: matrix(d.H * d.V, c.outGate ? 2 * d.D : d.D, { init: "residual" }),
    ...(c.outBias && { outBias: bias(c.outGate ? 2 * d.D : d.D) }),
  };
};

/** A mixer that does not decode carries nothing. */
type State = { k_BHTK?: GrowingState; v_BHTK?: GrowingState };
interface Context {
  c: AttentionConfig;
  d: Dims;
  p: Weights<ReturnType<typeof params>>;
  s: { k_BHTK?: Tensor | undefined; v_BHTK?: Tensor | undefined };
  io: Io;
  ways?: Ways | undefined;
}

/**
 * Softmax attention with any number of key heads (MHA, GQA, MQA), full, causal or within a window, and its variants.
 * Axes: B batch, T new tokens, C cached tokens, S both, D model, H query heads, G key heads, K head size, V value size.
 * Decoding keeps keys (already rotated) and values; with a window, those of the last `window` tokens.
 */
export const attention = defineMixer({
  kind: "attention",
  title: "Softmax attention",
  cite: { arxiv: "1706.03762", by: "Vaswani et al. 2017" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "q_t, k_t, v_t = x_t·W_q, x_t·W_k, x_t·W_v  (per head; k and v shared by H/G heads)",
    "a_ts = softmax_s(q_t·k_s / √K + bias_ts),  s ≤ t",
    "y_t = concat_h(Σ_s a_ts v_s)·W_out",
  ],
  config: attentionConfig,
  dims,
  params,
  capabilities: (c) => ({
    flow: c.causal ? "causal" : "bidirectional",
    state: !decodes(c) ? "none" : farthest(c.pattern, c.window) === undefined ? "growing" : "finite",
    length: "any",
    batch: "independent",
    smooth: smoothness(c),
    exact: "bitwise",
  }),
  hands: (c) => (c.valueResidual ? [] : ["attentionValues_BGTV"]),
  takes: (c) => (c.valueResidual ? ["attentionValues_BGTV"] : []),
  ways: true,
  reads: ["mask_BT", "positions_BT"],
  tune: [{ key: "headSize", unit: 2 }],
  state(d, c): State {
    const window = farthest(c.pattern, c.window);
    const entries = (width: number): GrowingState => ({
      shape: (tokens) => [d.G, tokens, width],
      axis: 1,
      ...(window !== undefined && { window }),
    });
    return decodes(c) ? { k_BHTK: entries(rotatedSize(d)), v_BHTK: entries(d.V) } : {};
  },
  forward: (x_BTD, at) => attend(x_BTD, at),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => attend(x_BTD, { ...at, ways: at.ways && ofOneToken(at.ways) })),
});

const ofOneToken = ({ queries, keys, values }: Ways): Ways => ({
  queries: queries.unsqueeze(1),
  keys: keys.unsqueeze(1),
  values: values.unsqueeze(1),
});

function smoothness(c: AttentionConfig): Capabilities["smooth"] {
  if (c.weights === "hard" || c.topKGradient === "all") return "surrogate";
  const kinks = [
    c.topK,
    c.dynamicMask,
    c.contextualPositions,
    c.selective,
    c.clip,
    c.weights === "signed" || undefined,
    c.gateActivation === "relu" || undefined,
    (c.headNet && smoothnessOf(c.headNet.activation) !== "everywhere") || undefined,
  ];
  return kinks.some((option) => option !== undefined) ? "away from ties" : "everywhere";
}

/** New tokens over the cached ones and themselves: decoding is the case of one. */
function attend(x_BTD: Tensor, at: Context) {
  const { c, d, p, s, io } = at;
  const T = x_BTD.dim(1);
  const hooks = positionHooks(c.positions, at);
  const { q_BHTK, k_BGTK, v } = tokensOf(x_BTD, at, hooks);
  const { carried, own } = valuesOf(v, x_BTD, at);
  const window = farthest(c.pattern, c.window);
  const cached = cacheOf({ k: s.k_BHTK, v: s.v_BHTK }, { length_B: io.length_B, queries: T, window });
  const scale = scaleOf(c, d.K);
  const bias_BH1S = c.dynamicMask ? keyBias(carried, cached, at) : undefined;
  const seen: Seen = { x_BTD, q_BHTK, k_BGTK, scale, cached, hooks, bias_BH1S };
  const plain = { q_BHTK, k_BGTK, v_BGTV: carried, causal: c.causal, window: c.window, mask_BT: io.mask_BT, scale };
  const all = () =>
    blockwiseAttention({
      ...plain,
      cached,
      beside: besideOf(at),
      score: scoreOf(c, p, scale),
      mix: talkScores(p),
      softcap: c.softcap,
      sink_H: p.sink && value(p.sink),
      ...patternOf(at, cached, T),
      bias: biasOf(at, seen),
      weigh: weighOf(at, seen),
      // What earlier queries say against keys is summed over all of them.
      block: c.selective ? T : undefined,
      drop: dropOf(at),
    });
  const { y_BHTV, weights_BHTS, scores_BHTS } = attendSubset(plain, { c, io, cached: cached !== undefined }) ?? all();
  return {
    y: project(gatherHeads(y_BHTV, x_BTD, at), at),
    s: decodes(c) ? { k_BHTK: k_BGTK, v_BHTK: carried } : {},
    probes: { weights_BHTS },
    handed: handedOn(c, own, scores_BHTS),
  };
}

const handedOn = (c: AttentionConfig, own: Tensor, scores_BHTS: Tensor) => ({
  ...(!c.valueResidual && { attentionValues_BGTV: own }),
  ...(c.scoreResidual && { attentionScores_BHTS: scores_BHTS }),
});

/** Queries and keys, normed and rotated, and values as they are. */
function tokensOf(x_BTD: Tensor, { c, d, p, io, ways }: Context, { rotate }: PositionHooks) {
  const positions_BT = positionsOf(io, x_BTD.dim(1));
  const [q, k, v] = projectHeads(ways ?? x_BTD, { c, p }, d);
  const rotated = (pair: { q_BHTK: Tensor; k_BGTK: Tensor }) => ({
    q_BHTK: rotate(pair.q_BHTK, positions_BT, "query"),
    k_BGTK: rotate(pair.k_BGTK, positions_BT, "key"),
  });
  const norm = ({ q_BHTK, k_BGTK }: { q_BHTK: Tensor; k_BGTK: Tensor }) => normaliseHeads(q_BHTK, k_BGTK, { c, p });
  const plain = { q_BHTK: q, k_BGTK: k };
  const { q_BHTK, k_BGTK } = c.normAfterPositions ? norm(rotated(plain)) : rotated(norm(plain));
  return { q_BHTK: c.lengthScale ? q_BHTK.mul(growth(positions_BT, c.lengthScale)) : q_BHTK, k_BGTK, v };
}

/** 1 + slope·ln(1 + ⌊(t + 1) / every⌋) of positions i32 [B or 1, T]: [B or 1, 1, T, 1]. */
function growth(positions_BT: Tensor, { every, slope }: { every: number; slope: number }): Tensor {
  const next = positions_BT.add(1);
  const steps = next.sub(next.mod(every)).cast("f32").div(every);
  return steps.add(1).log().mul(slope).add(1).unsqueeze(1).unsqueeze(-1);
}

/** Learned keys and values, then zeros: [1, G, M, …]. */
function besideOf({ c, d, p }: Context) {
  if (!p.memoryKeys && !c.zeroKey) return undefined;
  const all = (learned: Tensor | undefined, width: number) =>
    concat(1, [...(learned ? [learned] : []), ...(c.zeroKey ? [zeros([d.G, 1, width])] : [])]).unsqueeze(0);
  return {
    k_BGMK: all(p.memoryKeys && value(p.memoryKeys), rotatedSize(d)),
    v_BGMV: all(p.memoryValues && value(p.memoryValues), d.V),
  };
}

function project(gathered: Tensor, { c, d, p }: Context): Tensor {
  const y = linear(gathered, p.out, p.outBias);
  if (!c.outGate) return y;
  const [values, gates] = y.split(-1, [d.D, d.D]) as [Tensor, Tensor];
  return values.mul(gates.sigmoid());
}

function scaleOf({ scale, qkNorm }: AttentionConfig, K: number): number {
  if (qkNorm === "l2") return 1;
  if (typeof scale === "number") return scale;
  return { rsqrt: K ** -0.5, inverse: 1 / K, none: 1 }[scale];
}

/** Inverted dropout of a block of weights, with draws of its own; absent where nothing is dropped. */
function dropOf({ c: { weightDropout }, io }: Context) {
  if (weightDropout === 0 || io.mode !== "train") return undefined;
  return (weights: Tensor, queries: Span): Tensor => {
    const keep = io.rng(`weights.${queries.start}`).uniform(weights.shape).greaterEqual(weightDropout);
    return where(keep, weights.div(1 - weightDropout), 0);
  };
}
