import { z } from "zod";
import { type Tensor, where } from "../../tensor/index.ts";
import { defineMixer, type Io, type MemoryState } from "../define.ts";
import { oneToken } from "../one-token.ts";
import { bias, matrix, tensor } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";
import { mergeHeads } from "./attention-heads.ts";

const config = z.strictObject({
  heads: z.int().positive().default(4).describe("query heads"),
  kvHeads: z.int().positive().optional().describe("key and value heads, each shared by heads / kvHeads query heads"),
  headSize: z.int().positive().optional().describe("width of a head (default: model width / heads)"),
  score: z
    .enum(["dot", "bilinear", "additive"])
    .default("dot")
    .describe("q·k (Vaswani 2017), q·W·k (Luong 2015, general), or v·tanh(q + k) (Bahdanau 2014)"),
  scale: z
    .union([z.enum(["rsqrt", "none"]), z.number().positive()])
    .default("rsqrt")
    .describe("factor on dot and bilinear scores: rsqrt 1/√headSize, none 1, or a number"),
  bias: z.boolean().default(false).describe("offsets on queries, keys and values"),
  outBias: z.boolean().default(false).describe("offset on the output"),
  weightDropout: z.number().min(0).lt(1).default(0).describe("probability of dropping an attention weight in training"),
});
type Config = z.infer<typeof config>;

const dims = (c: Config, D: number) => {
  const [H, G, K] = [c.heads, c.kvHeads ?? c.heads, c.headSize ?? D / c.heads];
  return { D, H, G, K, queriesPerKey: H / G };
};
type Dims = ReturnType<typeof dims>;

const params = ({ D, H, G, K }: Dims, c: Config) => ({
  query: matrix(D, H * K),
  keyValue: matrix(D, 2 * G * K),
  ...(c.bias && { queryBias: bias(H * K), keyValueBias: bias(2 * G * K) }),
  ...(c.score === "bilinear" && { between: tensor([H, K, K], { kind: "normal", std: K ** -0.5 }) }),
  ...(c.score === "additive" && { score: tensor([H, K], { kind: "normal", std: K ** -0.5 }) }),
  out: matrix(H * K, D, { init: "residual" }),
  ...(c.outBias && { outBias: bias(D) }),
});
interface Context {
  c: Config;
  d: Dims;
  p: Weights<ReturnType<typeof params>>;
  s: { k_BGSK?: Tensor | undefined; v_BGSK?: Tensor | undefined };
  io: Io;
}

/**
 * Attention of each token to the memory, an encoder's output.
 * Axes: B batch, T tokens, S source tokens, D model, H query heads, G key heads, K head size.
 * The memory's keys and values are computed once, where `io.memory.x_BSD` is given, and kept as state.
 */
export const crossAttention = defineMixer({
  kind: "cross-attention",
  title: "Cross attention",
  cite: { arxiv: "1706.03762", by: "Vaswani et al. 2017" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "q_t = x_t·W_q;  k_s, v_s = m_s·W_k, m_s·W_v  (per head)",
    "a_ts = softmax_s(score(q_t, k_s)),  score = q·k/√K | q·W·k/√K | v·tanh(q + k)",
    "y_t = concat_h(Σ_s a_ts v_s)·W_out",
  ],
  config,
  dims,
  params,
  capabilities: {
    flow: "both",
    state: "finite",
    length: "any",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  },
  reads: ["memory"],
  tune: [{ key: "headSize", unit: 2 }],
  state: ({ G, K }): { k_BGSK: MemoryState; v_BGSK: MemoryState } => {
    const entries: MemoryState = { memory: (sourceTokens) => [G, sourceTokens, K], axis: 1 };
    return { k_BGSK: entries, v_BGSK: entries };
  },
  forward: (x_BTD, at) => attend(x_BTD, at),
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => attend(x_BTD, at)),
});

function attend(x_BTD: Tensor, at: Context) {
  const { c, d, p, io } = at;
  const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
  const q_BHTK = linear(x_BTD, p.query, p.queryBias).reshape([B, T, d.H, d.K]).swap(1, 2);
  const [k_BGSK, v_BGSK] = remembered(at);
  const scores_BHTS = scoresOf(q_BHTK, shared(k_BGSK, d), at);
  const mask_BS = io.memory?.mask_BS;
  const weights_BHTS = mask_BS ? maskedSoftmax(scores_BHTS, mask_BS) : scores_BHTS.softmax(-1);
  const y_BHTK = dropped(weights_BHTS, c.weightDropout, io).matmul(shared(v_BGSK, d));
  return { y: linear(mergeHeads(y_BHTK), p.out, p.outBias), s: { k_BGSK, v_BGSK }, probes: { weights_BHTS } };
}

/** Keys and values of the memory: those of the state, or made now. */
function remembered({ d, p, s, io }: Context): [k_BGSK: Tensor, v_BGSK: Tensor] {
  if (s.k_BGSK && s.v_BGSK) return [s.k_BGSK, s.v_BGSK];
  const memory_BSD = io.memory!.x_BSD!;
  const [B, S] = [memory_BSD.dim(0), memory_BSD.dim(1)];
  const joined = linear(memory_BSD, p.keyValue, p.keyValueBias)
    .reshape([B, S, 2 * d.G, d.K])
    .swap(1, 2);
  return joined.split(1, [d.G, d.G]) as [Tensor, Tensor];
}

function scoresOf(q_BHTK: Tensor, k_BHSK: Tensor, { c, d, p }: Context): Tensor {
  if (c.score === "additive") {
    const sum_BHTSK = q_BHTK.unsqueeze(3).add(k_BHSK.unsqueeze(2)).tanh();
    return sum_BHTSK.mul(value(p.score!).reshape([d.H, 1, 1, d.K])).sum(-1);
  }
  const alpha = typeof c.scale === "number" ? c.scale : c.scale === "none" ? 1 : d.K ** -0.5;
  const queries = c.score === "bilinear" ? q_BHTK.matmul(value(p.between!)) : q_BHTK;
  return queries.matmul(k_BHSK, { transB: true, alpha });
}

/** Zeros where a source has no token at all. */
function maskedSoftmax(scores_BHTS: Tensor, mask_BS: Tensor): Tensor {
  const seen = mask_BS.unsqueeze(1).unsqueeze(1);
  return where(seen, where(seen, scores_BHTS, -1e30).softmax(-1), 0);
}

/** [B, G, S, K] → [B, H, S, K], each key head for its H/G query heads. */
function shared(x_BGSK: Tensor, { H, G }: Dims): Tensor {
  if (H === G) return x_BGSK;
  const [B, , S, K] = x_BGSK.shape as [number, number, number, number];
  return x_BGSK
    .unsqueeze(2)
    .expand([B, G, H / G, S, K])
    .reshape([B, H, S, K]);
}

function dropped(weights: Tensor, prob: number, io: Io): Tensor {
  if (prob === 0 || io.mode === "eval") return weights;
  return where(io.rng("weights").uniform(weights.shape).greaterEqual(prob), weights.div(1 - prob), 0);
}
