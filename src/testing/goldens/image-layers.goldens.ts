/** Image layers around our attention: PVT's attention to a smaller map, and the block of Transformer in Transformer. */
import { adaptiveAveragePool } from "../../ops/index.ts";
import { concat, conv, gelu, type Tensor } from "../../tensor/index.ts";
import { attentionOf, type StoredLinear } from "./attention-of.fixture.ts";
import { mapped } from "./biased-attention.fixture.ts";
import { crossAttentionOf } from "./cross-attention-of.fixture.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "./index.ts";
import { linearOf, normOf, partsOf, plainChannel } from "./layer-parts.fixture.ts";

const norm = (c: GoldenCase, name: string) => normOf(c, name, { kind: "layer", epsilon: 1e-5 });

/** Keys and values come from patches of the map, or from its means over 7 × 7 areas. */
function pvt(c: GoldenCase): GoldenGraph {
  const args = c.config.args as { num_heads: number; sr_ratio: number; linear_attn?: boolean };
  const [H, W] = (c.config.call as { feat_size: [number, number] }).feat_size;
  const x = c.tensor("in.x");
  const [B, T, D] = x.shape as [number, number, number];
  const image = x.transpose([0, 2, 1]).reshape([B, D, H, W]);
  const from = args.linear_attn ? adaptiveAveragePool(image, [7, 7]) : image;
  const strides = args.linear_attn ? [1, 1] : [args.sr_ratio, args.sr_ratio];
  const reduced = conv(from, c.tensor("param.sr.weight"), { strides }).reshape([B, D, -1]).transpose([0, 2, 1]);
  const normed = norm(c, "norm")(reduced.add(c.tensor("param.sr.bias")));
  const [k, v] = partsOf(linearOf(c, "kv"), [D, D]) as [StoredLinear, StoredLinear];
  const maps = { q: linearOf(c, "q"), k, v, out: linearOf(c, "proj") };
  const memory = args.linear_attn ? gelu(normed) : normed;
  const { y } = crossAttentionOf(x, { memory }, { maps, heads: args.num_heads });
  return { outputs: { "out.y": y.reshape([B, T, D]) } };
}

/** A pre-norm layer by the names of its modules; q and k are rows of one map. */
function tntLayer(c: GoldenCase, x: Tensor, names: { attn: string; norm: string; mlp: string; heads: number }): Tensor {
  const joined = linearOf(c, `${names.attn}.qk`);
  const half = joined.weight.dim(0) / 2;
  const [q, k] = partsOf(joined, [half, half]) as [StoredLinear, StoredLinear];
  const maps = { q, k, v: linearOf(c, `${names.attn}.v`), out: linearOf(c, `${names.attn}.proj`) };
  const options = { heads: names.heads, causal: false };
  const a = x.add(attentionOf(norm(c, names.norm)(x), maps, { options }).y);
  const net = { up: linearOf(c, `${names.mlp}.fc1`), down: linearOf(c, `${names.mlp}.fc2`) };
  return a.add(plainChannel(net, "gelu")(norm(c, `norm_${names.mlp}`)(a)));
}

/** Words of each patch among themselves, then into their patch's vector, then patches among themselves. */
function tnt(c: GoldenCase): GoldenGraph {
  const patches = c.tensor("in.patches");
  const [B, count, D] = patches.shape as [number, number, number];
  const pixels = tntLayer(c, c.tensor("in.pixels"), {
    ...{ attn: "attn_in", norm: "norm_in", mlp: "mlp_in" },
    heads: c.number("hin"),
  });
  const flat = (x: Tensor) => x.reshape([B, count - 1, -1]);
  const into = (x: Tensor) => mapped(x, linearOf(c, "proj"));
  const added = c.flag("legacy")
    ? into(flat(norm(c, "norm1_proj")(pixels)))
    : norm(c, "norm2_proj")(into(norm(c, "norm1_proj")(flat(pixels))));
  const joined = concat(1, [patches.slice(1, 0, 1), patches.slice(1, 1, count).add(added)]);
  const y = tntLayer(c, joined, { ...{ attn: "attn_out", norm: "norm_out", mlp: "mlp" }, heads: c.number("heads") });
  return { outputs: { "out.pixels": pixels, "out.patches": y.reshape([B, count, D]) } };
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "pvt-attention", build: pvt },
  { kind: "blocks", component: "tnt-block", build: tnt },
];
