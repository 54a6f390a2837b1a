/**
 * Attention within windows of a grid of tokens.
 * Axes: B batch, T tokens (the grid row by row), D model, H heads, K head size, W windows, P places of a window, S places of a
 * window of keys, M hidden.
 */
import { z } from "zod";
import { type Grid, gridOf, onlyReal, scaledDotProduct } from "../../ops/index.ts";
import { constant, fail, full, iota, type Tensor } from "../../tensor/index.ts";
import { defineMixer, type Io } from "../define.ts";
import { headsOfWidth } from "../fields.ts";
import { bias, matrix, table, vector } from "../weights/declare.ts";
import { embed, linear, value, type Weights } from "../weights/use.ts";
import { mergeHeads, splitHeads } from "./attention-heads.ts";
import { keyTokens, reachBefore, type WindowPlaces, windowOffsets, windowPlaces } from "./window-places.ts";

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
  overlap: z
    .number()
    .positive()
    .max(8)
    .optional()
    .describe(
      "γ: keys and values are those of windows of ⌊(1 + γ)·window⌋ cells a side around the queries', zeros where there is no token (HAT's overlapping cross-attention; default: the same windows)",
    ),
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

/** `keys` are cells a side of a window of keys, `offsets` the places of a query against a key along one axis. */
const dims = (c: Config, D: number) => {
  const keys = Math.floor((1 + (c.overlap ?? 0)) * c.window + 1e-9);
  if (keys > c.window) assertOverlap(c);
  return { D, H: c.heads, K: D / c.heads, M: c.hidden, keys, offsets: c.window + keys - 1 };
};
type Dims = ReturnType<typeof dims>;

/** Throws E_WINDOW where windows of keys would not lie around those of queries. */
function assertOverlap({ shift, partition }: Config): void {
  if (shift === 0 && partition === "block") return;
  fail({
    code: "E_WINDOW",
    where: "window-attention.overlap",
    expected: 'windows of neighbours that are not moved: shift 0 and partition "block"',
    got: partition === "grid" ? 'partition "grid"' : `shift ${shift}`,
    hint: "Leave overlap out here, or give it to a layer of its own.",
  });
}

const params = ({ D, H, M, offsets }: Dims, c: Config) => ({
  qkv: matrix(D, 3 * D),
  out: matrix(D, D, { init: "residual" }),
  ...(c.bias && { qkvBias: bias(3 * D), outBias: bias(D) }),
  ...(c.relative === "table" && { table: table(offsets ** 2, H) }),
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
    "overlap: j in the larger window around that of i, k_j = v_j = 0 where there is no token",
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
    const qkv = linear(x_BTD, p.qkv, p.qkvBias);
    const overlaps = d.keys > c.window;
    const { q, k, v } = overlaps ? around(qkv, { places, grid, c, d, io }) : within(inWindows(qkv), d);
    const mask = overlaps ? undefined : maskOf(inWindows, places, { x_BTD, io });
    const y = scaledDotProduct(
      { ...scored(q, k, c, p), v },
      { mask, bias: biasOf(c, d, p), ...(c.score === "cosine" && { scale: 1 }) },
    );
    const back = constant(places.places.slice(0, T), [T], "i32");
    const merged = mergeHeads(y).reshape([B, -1, d.D]).gather(1, back);
    return { y: linear(merged, p.out, p.outBias), s: {} };
  },
});

/** Queries, keys and values [B·W, H, P, K] of the same windows. */
function within(qkv: Tensor, { H }: Dims): Record<"q" | "k" | "v", Tensor> {
  const [q, k, v] = splitHeads(qkv, 3 * H).split(1, [H, H, H]) as [Tensor, Tensor, Tensor];
  return { q, k, v };
}

interface Around {
  places: WindowPlaces;
  grid: Grid;
  c: Config;
  d: Dims;
  io: Io;
}

/** Queries [B·W, H, P, K], keys and values [B·W, H, S, K] of the windows around theirs. */
function around(qkv_BTF: Tensor, { places, grid, c, d, io }: Around): Record<"q" | "k" | "v", Tensor> {
  const [queries, others] = qkv_BTF.split(-1, [d.D, 2 * d.D]) as [Tensor, Tensor];
  const cells = grid[0] * grid[1];
  const tokens = keyTokens(grid, { window: c.window, keys: d.keys });
  const q = splitHeads(toWindows(queries, places, cells), d.H);
  const kv = splitHeads(toWindows(onlyReal(others, io.mask_BT), { ...places, tokens }, cells), 2 * d.H);
  const [k, v] = kv.split(1, [d.H, d.H]) as [Tensor, Tensor];
  return { q, k, v };
}

/** x [B, T, F] → [B·W, P, F]; places without a token hold zeros. */
function toWindows(x: Tensor, { tokens, windows }: Pick<WindowPlaces, "tokens" | "windows">, cells: number): Tensor {
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

/** [1, H, P, S]. */
function biasOf(c: Config, { keys, offsets: side }: Dims, p: P): Tensor | undefined {
  const w = c.window;
  const { dy, dx } = windowOffsets(w, keys);
  const last = keys - 1;
  const pairs = constant(
    dy.map((y, i) => (y + last) * side + dx[i]! + last),
    [dy.length],
    "i32",
  );
  const rows = (t: Tensor) =>
    t
      .gather(0, pairs)
      .transpose([1, 0])
      .reshape([1, -1, w * w, keys * keys]);
  if (p.table) return rows(embed(iota(side ** 2), p.table));
  if (!p.up || !p.down) return undefined;
  const near = (n: number) => (Math.sign(n) * Math.log2(1 + (8 * Math.abs(n)) / Math.max(1, w - 1))) / 3;
  const first = last - reachBefore(w, keys);
  const distances = Array.from({ length: side ** 2 }, (_, i) => [Math.floor(i / side) - first, (i % side) - first]);
  const coordinates = constant(distances.flat().map(near), [side ** 2, 2]);
  const biases = linear(linear(coordinates, p.up, p.upBias).relu(), p.down);
  return rows(biases.sigmoid().mul(16));
}
