/**
 * LongT5's attention: every token sees its neighbours and one summary of each block of the sequence, a sum of the block's
 * inputs that is made anew in every layer.
 * Axes: B batch, T time, D model, H heads of K features, C whole blocks.
 */
import { z } from "zod";
import { blockwiseAttention, oneHot, type Span } from "../../ops/index.ts";
import { concat, iota, rmsNorm, type Tensor } from "../../tensor/index.ts";
import { wholeSequence } from "../capabilities.ts";
import { defineMixer, type Io } from "../define.ts";
import { headsOfWidth } from "../fields.ts";
import { t5Bias } from "../positions/t5-bias.ts";
import { gain, matrix, table } from "../weights/declare.ts";
import { linear, value, type Weight, type Weights } from "../weights/use.ts";
import { mergeHeads, splitHeads } from "./attention-heads.ts";

const config = z.strictObject({
  heads: headsOfWidth(),
  headSize: z.int().positive().optional().describe("width of a head (default: model width / heads)"),
  radius: z.int().positive().default(127).describe("farthest neighbour that a token sees on either side"),
  block: z
    .int()
    .positive()
    .default(16)
    .describe("tokens that a summary sums; tokens behind the last whole block belong to it"),
  buckets: z.int().min(4).default(32).describe("buckets of distances in tokens, and of distances in blocks"),
  maxDistance: z.int().positive().default(128).describe("distance from which all share the last bucket"),
  epsilon: z.number().positive().default(1e-6).describe("added to the mean square of a summary by its norm"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => ({ D, H: c.heads, K: c.headSize ?? D / c.heads, buckets: c.buckets });
type Sizes = ReturnType<typeof dims>;

const params = ({ D, H, K, buckets }: Sizes) => ({
  // Scores are not scaled, so queries start smaller (Raffel et al. 2020).
  q: matrix(D, H * K, { init: { kind: "normal", std: (D * K) ** -0.5 } }),
  kv: matrix(D, 2 * H * K),
  summaryNorm: gain(D),
  nearBias: table(buckets, H),
  farBias: table(buckets, H),
  out: matrix(H * K, D, { init: "residual" }),
});

interface At {
  c: C;
  d: Sizes;
  p: Weights<ReturnType<typeof params>>;
  io: Io;
}

export const transientGlobal = defineMixer({
  kind: "transient-global",
  title: "Transient global attention (LongT5)",
  cite: { arxiv: "2112.07916", by: "Guo et al. 2021, section 3.1.2" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "g_j = RMSNorm(Σ_{s in block j} x_s)",
    "y_t = Σ_s a_ts v_s,  a = softmax(q_t·k_s + b),  over |t − s| ≤ radius and over all g_j, with the same maps",
    "b: learned by bucket of s − t, or of j − block(t)",
  ],
  config,
  dims,
  params,
  tune: [{ key: "headSize", unit: 2 }],
  reads: ["mask_BT"],
  capabilities: wholeSequence,
  state: () => ({}),
  forward: (x_BTD, at) => ({ y: attend(x_BTD, at), s: {} }),
});

function attend(x_BTD: Tensor, at: At): Tensor {
  const { c, d, p, io } = at;
  const T = x_BTD.dim(1);
  const keysOf = (x: Tensor) => splitHeads(linear(x, p.kv), 2 * d.H).split(1, [d.H, d.H]) as [Tensor, Tensor];
  const [k, v] = keysOf(x_BTD);
  const blocks = Math.floor(T / c.block);
  const far = blocks > 0 ? summaries(x_BTD, blocks, at) : undefined;
  const [farK, farV] = far ? keysOf(far.x_BCD) : [];
  const near = biasBy(p.nearBias, at);
  const { y_BHTV } = blockwiseAttention({
    q_BHTK: splitHeads(linear(x_BTD, p.q), d.H),
    k_BGTK: k,
    v_BGTV: v,
    causal: false,
    window: c.radius + 1,
    ...(far && { cached: { k_BGCK: farK!, v_BGCV: farV!, visible_BTC: far.visible_B1C } }),
    mask_BT: io.mask_BT,
    scale: 1,
    bias(queries, keys) {
      const own = near(places(queries), places(keys));
      if (!far) return own;
      const block_BT = far.block_BT.slice(1, queries.start, queries.end);
      const distant = biasBy(p.farBias, at)(block_BT, iota(blocks).unsqueeze(0));
      const rows = [distant.dim(0), d.H, own.dim(2)] as const;
      return concat(3, [distant, own.expand([...rows, own.dim(3)])]);
    },
  });
  return linear(mergeHeads(y_BHTV), p.out);
}

const places = ({ start, end }: Span): Tensor =>
  iota(end - start)
    .add(start)
    .unsqueeze(0);

/** [B or 1, H, queries, keys] of places i32 [B or 1, queries] and [1, keys]. */
function biasBy(tableOf: Weight, { c, d, io }: At) {
  const config = t5Bias.config.parse({ buckets: c.buckets, maxDistance: c.maxDistance, sides: "both" });
  const at = { c: config, d: { buckets: d.buckets, H: d.H }, p: { table: tableOf }, b: {}, io, heads: d.H };
  return (queries_BT: Tensor, keys_BS: Tensor) => t5Bias.bias!({ ...at, queries_BT, keys_BS });
}

/** What blocks sum to, which of them are whole, and the block of every token (0 where there is none); padding counts for nothing. */
function summaries(x_BTD: Tensor, blocks: number, { c, p, io }: At) {
  const T = x_BTD.dim(1);
  const real_BT = io.mask_BT?.cast("i32");
  const index_BT = real_BT ? real_BT.cast("f32").cumsum(1).cast("i32").sub(1) : iota(T).unsqueeze(0);
  const tokens_B1 = real_BT ? real_BT.cast("f32").sum(1, true).cast("i32") : iota(1).add(T).unsqueeze(0);
  const whole_B1 = quotient(tokens_B1, c.block);
  const block_BT = quotient(index_BT, c.block).minimum(whole_B1.sub(1)).maximum(0);
  const member_BTC = oneHot(block_BT, blocks);
  const own_BTC = real_BT ? member_BTC.mul(real_BT.cast("f32").unsqueeze(2)) : member_BTC;
  const sums_BCD = own_BTC.matmul(x_BTD, { transA: true });
  const visible_B1C = iota(blocks).less(whole_B1).unsqueeze(1);
  return { x_BCD: rmsNorm(sums_BCD, value(p.summaryNorm), c.epsilon), visible_B1C, block_BT };
}

/** ⌊n / by⌋ of i32. */
const quotient = (n: Tensor, by: number): Tensor => n.sub(n.mod(by)).div(by);
