/** timm's Swin blocks of both versions, MaxViT's attention within windows and grids, and HAT's blocks. */
import type { Weight } from "../../blocks/index.ts";
import { beside } from "../../blocks/mixers/beside.ts";
import { cab } from "../../blocks/mixers/cab.ts";
import { windowAttention } from "../../blocks/mixers/window-attention.ts";
import { windowOffsets } from "../../blocks/mixers/window-places.ts";
import { nest } from "../../blocks/nesting.ts";
import { toImage, toTokens } from "../../ops/index.ts";
import { concat, constant, type Tensor, zeros } from "../../tensor/index.ts";
import { storedIo, storedWeight } from "./attention-of.fixture.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "./index.ts";
import { linearOf, normOf, plainChannel, type Sublayer } from "./layer-parts.fixture.ts";

type Options = Readonly<Record<string, unknown>>;
type Grid = readonly [number, number];

const columns = (weight: Tensor): Tensor => weight.transpose([1, 0]);

type Weights = Readonly<Record<string, Weight>>;

const weightsBy = (stored: Readonly<Record<string, Tensor | undefined>>): Weights =>
  Object.fromEntries(
    Object.entries(stored).flatMap(([name, tensor]) => (tensor ? [[name, storedWeight(tensor)]] : [])),
  );

/** Window attention by parameters of our names. */
function attend(grid: Grid, options: Options, stored: Readonly<Record<string, Tensor | undefined>>): Sublayer {
  const c = windowAttention.config.parse(options);
  const p = weightsBy(stored) as Parameters<typeof windowAttention.forward>[1]["p"];
  const at = { c, p, s: {}, b: {}, io: storedIo({ grid }) };
  return (x) => windowAttention.forward(x, { ...at, d: windowAttention.dims(c, x.dim(2)) }).y;
}

/** What all of them store: rows of q, k and v, and the output's map. */
const maps = (c: GoldenCase) => ({
  qkv: columns(c.tensor("param.attn.qkv.weight")),
  qkvBias: c.maybe("param.attn.qkv.bias"),
  out: columns(c.tensor("param.attn.proj.weight")),
  outBias: c.maybe("param.attn.proj.bias"),
});

const channel = (c: GoldenCase): Sublayer =>
  plainChannel({ up: linearOf(c, "mlp.fc1"), down: linearOf(c, "mlp.fc2") }, "gelu");

/** An image [B, H, W, C] as tokens, through `layer`, and back. */
function overImage(c: GoldenCase, layer: (x: Tensor, grid: Grid) => Tensor): GoldenGraph {
  const image = c.tensor("in.x");
  const [B, H, W, C] = image.shape as [number, number, number, number];
  return { outputs: { "out.y": layer(image.reshape([B, H * W, C]), [H, W]).reshape(image.shape) } };
}

/** The pre-norm layer around an attention. */
function preNorm(c: GoldenCase, x: Tensor, attention: Sublayer, epsilon: number): Tensor {
  const norm = (name: string) => normOf(c, name, { kind: "layer", epsilon });
  const a = x.add(attention(norm("norm1")(x)));
  return a.add(channel(c)(norm("norm2")(a)));
}

interface SwinSettings {
  num_heads?: number;
  window_size: number;
  shift_size: number;
}

/** Heads, window and shift, wherever the case says them. */
function swinOptions(c: GoldenCase): Options {
  const given = (c.config.args ?? c.config.kwargs) as SwinSettings;
  return { heads: given.num_heads ?? c.number("heads"), window: given.window_size, shift: given.shift_size };
}

const swin = (c: GoldenCase): GoldenGraph =>
  overImage(c, (x, grid) => {
    const stored = { ...maps(c), table: c.tensor("param.attn.relative_position_bias_table") };
    return preNorm(c, x, attend(grid, swinOptions(c), stored), 1e-5);
  });

/** Norms behind the branches, cosines for products, and a network for the bias; keys have no offset. */
const swinV2 = (c: GoldenCase): GoldenGraph =>
  overImage(c, (x, grid) => {
    const norm = (name: string) => normOf(c, name, { kind: "layer", epsilon: 1e-5 });
    const up = linearOf(c, "attn.cpb_mlp.0");
    const attention = attend(
      grid,
      { ...swinOptions(c), relative: "network", hidden: up.weight.dim(0), score: "cosine" },
      {
        ...maps(c),
        qkvBias: concat(0, [c.tensor("param.attn.q_bias"), zeros([x.dim(2)]), c.tensor("param.attn.v_bias")]),
        temperature: c.tensor("param.attn.logit_scale").reshape([-1]),
        up: columns(up.weight),
        upBias: up.bias,
        down: columns(c.tensor("param.attn.cpb_mlp.2.weight")),
      },
    );
    const a = x.add(norm("norm1")(attention(x)));
    return a.add(norm("norm2")(channel(c)(a)));
  });

/** Rows of q, k and v by head. */
function byHead(rows: Tensor, heads: number): Tensor {
  const size = rows.dim(0) / (3 * heads);
  const order = rows.rank === 2 ? [1, 0, 2, 3] : [1, 0, 2];
  return rows
    .reshape([heads, 3, size, ...rows.shape.slice(1)])
    .transpose(order)
    .reshape(rows.shape);
}

const partitioned = (c: GoldenCase): GoldenGraph =>
  overImage(c, (x, grid) => {
    const heads = x.dim(2) / c.number("head_dim");
    const [window] = c.list("part");
    const stored = {
      ...maps(c),
      qkv: columns(byHead(c.tensor("param.attn.qkv.weight"), heads)),
      qkvBias: byHead(c.tensor("param.attn.qkv.bias"), heads),
      table: c.tensor("param.attn.rel_pos.relative_position_bias_table"),
    };
    return preNorm(c, x, attend(grid, { heads, window, partition: c.text("type") }, stored), 1e-6);
  });

/** HAT's channel attention block by the parameters below this name; maps of its net are convolutions of one cell. */
function channelAttention(c: GoldenCase, name: string): { options: Options; p: Weights } {
  const stored = (part: string) => c.tensor(`param.${name}.${part}`);
  const map = (part: string) => columns(stored(`3.attention.${part}.weight`).squeeze(3).squeeze(2));
  const tensors = {
    kernel1: stored("0.weight"),
    bias1: stored("0.bias"),
    kernel2: stored("2.weight"),
    bias2: stored("2.bias"),
    "squeeze.up": map("1"),
    "squeeze.upBias": stored("3.attention.1.bias"),
    "squeeze.down": map("3"),
    "squeeze.downBias": stored("3.attention.3.bias"),
  };
  const options = { compress: c.number("compress"), squeeze: c.number("squeeze") };
  return { options, p: weightsBy(tensors) };
}

/** An image [B, C, H, W] through the block alone. */
function channelBlock(c: GoldenCase): GoldenGraph {
  const image = c.tensor("in.x");
  const [, C, H, W] = image.shape as [number, number, number, number];
  const { options, p } = channelAttention(c, "cab");
  const config = cab.config.parse(options);
  const at = { c: config, d: cab.dims(config, C), p, s: {}, b: {}, io: storedIo({ grid: [H, W] }) };
  return { outputs: { "out.y": toImage(cab.forward(toTokens(image), at).y, [H, W]) } };
}

/** Window attention and channel attention side by side. */
function hybrid(c: GoldenCase): GoldenGraph {
  const x = c.tensor("in.x");
  const windows = { heads: c.number("heads"), window: c.number("window"), shift: c.number("shift", 0) };
  const channels = channelAttention(c, "conv_block.cab");
  const config = beside.config.parse({
    mixer: { kind: "window-attention", ...windows },
    other: { kind: "cab", ...channels.options },
    weight: c.number("scale"),
  });
  const table = c.tensor("param.attn.relative_position_bias_table");
  const p = { ...nest("mixer", weightsBy({ ...maps(c), table })), ...nest("other", channels.p) } as Weights;
  const io = storedIo({ grid: c.list("hw") as [number, number] });
  const at = { c: config, d: beside.dims(config, x.dim(2)), p, s: {}, b: {}, io };
  return { outputs: { "out.y": preNorm(c, x, (y) => beside.forward(y, at).y, 1e-5) } };
}

/** Windows of keys around those of queries, whose biases lie in the source's own order. */
function overlapping(c: GoldenCase): GoldenGraph {
  const x = c.tensor("in.x");
  const [heads, window, overlap] = [c.number("heads"), c.number("window"), c.number("overlap")];
  const keys = Math.floor((1 + overlap) * window);
  const stored = {
    qkv: columns(c.tensor("param.qkv.weight")),
    qkvBias: c.tensor("param.qkv.bias"),
    out: columns(c.tensor("param.proj.weight")),
    outBias: c.tensor("param.proj.bias"),
    table: c.tensor("param.relative_position_bias_table").gather(0, biasRows(c.values("in.index"), { window, keys })),
  };
  const attention = attend(c.list("hw") as [number, number], { heads, window, overlap }, stored);
  return { outputs: { "out.y": preNorm(c, x, attention, 1e-5) } };
}

/** The stored row of each of ours, from the row that the source reads for each pair; negative ones count from the end. */
function biasRows(index: Float64Array, { window, keys }: { window: number; keys: number }): Tensor {
  const side = window + keys - 1;
  const { dy, dx } = windowOffsets(window, keys);
  const rows = new Array<number>(side ** 2).fill(0);
  index.forEach((row, i) => {
    rows[(dy[i]! + keys - 1) * side + dx[i]! + keys - 1] = row < 0 ? row + side ** 2 : row;
  });
  return constant(rows, [side ** 2], "i32");
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "swin-block", build: swin },
  { kind: "blocks", component: "vision-swin-block", build: swin },
  { kind: "blocks", component: "vision-swin-v2-block", build: swinV2 },
  { kind: "blocks", component: "vision-partition-attention", build: partitioned },
  {
    kind: "blocks",
    component: "hat-parts",
    build(c) {
      if (c.text("part") === "cab") return channelBlock(c);
      return c.text("part") === "hab" ? hybrid(c) : overlapping(c);
    },
  },
];
