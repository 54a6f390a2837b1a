/** timm's Swin blocks of both versions, MaxViT's attention within windows and grids, and HAT's hybrid block. */
import { windowAttention } from "../../blocks/mixers/window-attention.ts";
import { concat, conv, gelu, type Tensor, zeros } from "../../tensor/index.ts";
import { storedIo, storedWeight } from "./attention-of.fixture.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "./index.ts";
import { linearOf, normOf, plainChannel, type Sublayer } from "./layer-parts.fixture.ts";

type Options = Readonly<Record<string, unknown>>;
type Grid = readonly [number, number];

const columns = (weight: Tensor): Tensor => weight.transpose([1, 0]);

/** Window attention by parameters of our names. */
function attend(grid: Grid, options: Options, stored: Readonly<Record<string, Tensor | undefined>>): Sublayer {
  const c = windowAttention.config.parse(options);
  const p = Object.fromEntries(
    Object.entries(stored).flatMap(([name, tensor]) => (tensor ? [[name, storedWeight(tensor)]] : [])),
  ) as Parameters<typeof windowAttention.forward>[1]["p"];
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

/** HAT's channel attention block: two convolutions, then a factor for each feature from all pixels. */
function channelAttention(c: GoldenCase, image: Tensor, name: string): Tensor {
  const layer = (x: Tensor, part: string) => {
    const kernel = c.tensor(`param.${name}.${part}.weight`);
    const pad = (kernel.dim(2) - 1) / 2;
    const y = conv(x, kernel, {
      pads: [
        [pad, pad],
        [pad, pad],
      ],
    });
    return y.add(c.tensor(`param.${name}.${part}.bias`).reshape([-1, 1, 1]));
  };
  const z = layer(gelu(layer(image, "0")), "2");
  const means = z.mean(2, true).mean(3, true);
  return z.mul(layer(layer(means, "3.attention.1").relu(), "3.attention.3").sigmoid());
}

/** Window attention and channel attention side by side. */
function hybrid(c: GoldenCase): GoldenGraph {
  const x = c.tensor("in.x");
  const [H, W] = c.list("hw") as [number, number];
  const [B, T, C] = x.shape as [number, number, number];
  const options = { heads: c.number("heads"), window: c.number("window"), shift: c.number("shift", 0) };
  const attention = attend([H, W], options, {
    ...maps(c),
    table: c.tensor("param.attn.relative_position_bias_table"),
  });
  const cab = (y: Tensor) => {
    const image = y.reshape([B, H, W, C]).transpose([0, 3, 1, 2]);
    return channelAttention(c, image, "conv_block.cab").transpose([0, 2, 3, 1]).reshape([B, T, C]);
  };
  const both = (y: Tensor) => attention(y).add(cab(y).mul(c.number("scale")));
  return { outputs: { "out.y": preNorm(c, x, both, 1e-5) } };
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
      if (c.text("part") === "cab") return { outputs: { "out.y": channelAttention(c, c.tensor("in.x"), "cab") } };
      return c.text("part") === "hab" ? hybrid(c) : "absent: windows whose keys overlap";
    },
  },
];
