/**
 * Attention within windows of a grid of tokens.
 * Axes: B batch, T tokens (the grid row by row), D model, H heads, K head size, W windows, P places of a window, M hidden.
 */
import { z } from "zod";
import { gridOf, scaledDotProduct } from "../../ops/index.ts";
import { constant, full, type Tensor } from "../../tensor/index.ts";
import { defineMixer, type Io } from "../define.ts";
import { headsOfWidth } from "../fields.ts";
import { bias, matrix, table, vector } from "../weights/declare.ts";
import { embed, linear, value, type Weights } from "../weights/use.ts";
import { mergeHeads, splitHeads } from "./attention-heads.ts";
import { type WindowPlaces, windowOffsets, windowPlaces } from "./window-places.ts";

const config = z.strictObject({
  heads: headsOfWidth(),
  columns: z
    .int()
    .positive()
    .default(8)
    .describe("tokens a row of the grid, where the model is not given the grid's size"),
  window: z.int().positive().default(4).describe("cells a side of a window"),
  shift: z
    .int()
    .nonnegative()
    .default(0)
    .describe("cells by which windows are moved; half a window in every other layer"),
  partition: z
    .enum(["block", "grid"])
    .default("block")
    .describe("a window holds neighbours, or cells at equal distances over the whole grid (MaxViT)"),
  relative: z
    .enum(["table", "network", "none"])
    .default("table")
    .describe("bias by distance: a number a head for each, or a small network of its logarithm (Swin v2)"),
  hidden: z.int().positive().default(512).describe("width of the network"),
  score: z
    .enum(["dot", "cosine"])
    .default("dot")
    .describe("q·k/√K, or the cosine times a learned factor a head of at most 100 (Swin v2)"),
  bias: z.boolean().default(true).describe("offsets of queries, keys, values and the output"),
});
type Config = z.infer<typeof config>;

const dims = (c: Config, D: number) => ({ D, H: c.heads, K: D / c.heads, M: c.hidden });
type Dims = ReturnType<typeof dims>;

const params = ({ D, H, M }: Dims, c: Config) => ({
  qkv: matrix(D, 3 * D),
  out: matrix(D, D, { init: "residual" }),
  ...(c.bias && { qkvBias: bias(3 * D), outBias: bias(D) }),
  ...(c.relative === "table" && { table: table((2 * c.window - 1) ** 2, H) }),
  ...(c.relative === "network" && { up: matrix(2, M), upBias: bias(M), down: matrix(M, H) }),
  ...(c.score === "cosine" && { temperature: vector(H, Math.log(10)) }),
});
type P = Weights<ReturnType<typeof params>>;

export const windowAttention = defineMixer({
  kind: "window-attention",
  title: "Window attention (Swin)",
  cite: { arxiv: "2103.14030", by: "Liu et al. 2021, section 3.2; v2: arXiv 2111.09883" },
  patterns: ["higher-order", "multi-x"],
  equations: [
    "y_i = Σ_j softmax_j(q_i·k_j/√K + b[i − j]) v_j W_out,  j in the window of i",
    "cosine: cos(q_i, k_j)·min(e^τ, 100) + 16 σ(MLP(sign(i − j) log₂(1 + 8|i − j|/(w − 1))/3))",
  ],
  config,
  dims,
  params,
  reads: ["mask_BT", "grid"],
  // A shift and a partition over the whole grid depend on its size.
  capabilities: (c) => ({
    flow: "bidirectional",
    state: "none",
    length: c.shift === 0 && c.partition === "block" ? "any" : "fixed",
    batch: "independent",
    smooth: "everywhere",
    exact: "bitwise",
  }),
  state: () => ({}),
  forward(x_BTD, { c, d, p, io }) {
    const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
    const grid = gridOf(T, { grid: io.grid, columns: c.columns });
    const places = windowPlaces(grid, c);
    const inWindows = (x: Tensor) => toWindows(x, places, grid[0] * grid[1]);
    const qkv = splitHeads(inWindows(linear(x_BTD, p.qkv, p.qkvBias)), 3 * d.H);
    const [q, k, v] = qkv.split(1, [d.H, d.H, d.H]) as [Tensor, Tensor, Tensor];
    const mask = maskOf(inWindows, places, { x_BTD, io });
    const y = scaledDotProduct(
      { ...scored(q, k, c, p), v },
      { mask, bias: biasOf(c, p), ...(c.score === "cosine" && { scale: 1 }) },
    );
    const back = constant(places.places.slice(0, T), [T], "i32");
    const merged = mergeHeads(y).reshape([B, -1, d.D]).gather(1, back);
    return { y: linear(merged, p.out, p.outBias), s: {} };
  },
});

/** x [B, T, F] → [B·W, P, F]; places without a token hold zeros. */
function toWindows(x: Tensor, { tokens, windows }: WindowPlaces, cells: number): Tensor {
  const [B, T, F] = x.shape as [number, number, number];
  const index = constant([...tokens], [tokens.length], "i32");
  return x
    .pad(1, 0, cells + 1 - T)
    .gather(1, index)
    .reshape([B * windows, -1, F]);
}

/** bool [B·W, 1, P, P]: keys that are real tokens of the query's own part of the grid. */
function maskOf(
  inWindows: (x: Tensor) => Tensor,
  { windows, regions }: WindowPlaces,
  { x_BTD, io }: { x_BTD: Tensor; io: Io },
): Tensor {
  const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
  const real_BT1 = (io.mask_BT?.cast("f32") ?? full([B, T], 1)).unsqueeze(2);
  const seen = inWindows(real_BT1).swap(1, 2).greater(0).unsqueeze(1);
  const parts = constant([...regions], [windows, regions.length / windows], "i32");
  const same = parts.unsqueeze(2).equal(parts.unsqueeze(1)).unsqueeze(0);
  const P = regions.length / windows;
  return seen.and(same.expand([B, windows, P, P]).reshape([B * windows, 1, P, P]));
}

function scored(q: Tensor, k: Tensor, c: Config, p: P): { q: Tensor; k: Tensor } {
  if (c.score === "dot") return { q, k };
  const unit = (x: Tensor) => x.div(x.square().sum(-1, true).add(1e-24).sqrt());
  const factor = value(p.temperature!).minimum(Math.log(100)).exp().reshape([1, -1, 1, 1]);
  return { q: unit(q).mul(factor), k: unit(k) };
}

/** [1, H, P, P]. */
function biasOf(c: Config, p: P): Tensor | undefined {
  const [w, P] = [c.window, c.window ** 2];
  const side = 2 * w - 1;
  const { dy, dx } = windowOffsets(w);
  const pairs = constant(
    dy.map((y, i) => (y + w - 1) * side + dx[i]! + w - 1),
    [P * P],
    "i32",
  );
  const rows = (t: Tensor) => t.gather(0, pairs).transpose([1, 0]).reshape([1, -1, P, P]);
  if (p.table)
    return rows(
      embed(
        constant(
          Array.from({ length: side ** 2 }, (_, i) => i),
          [side ** 2],
          "i32",
        ),
        p.table,
      ),
    );
  if (!p.up || !p.down) return undefined;
  const near = (n: number) => (Math.sign(n) * Math.log2(1 + (8 * Math.abs(n)) / Math.max(1, w - 1))) / 3;
  const offsets = Array.from({ length: side ** 2 }, (_, i) => [Math.floor(i / side) - w + 1, (i % side) - w + 1]);
  const coordinates = constant(offsets.flat().map(near), [side ** 2, 2]);
  const biases = linear(linear(coordinates, p.up, p.upBias).relu(), p.down);
  return rows(biases.sigmoid().mul(16));
}
