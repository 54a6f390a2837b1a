/** Layers whose attention has a relative or a given position bias: DeBERTa, XLNet, Conformer, MPNet, MPT; BERT's embeddings. */

import { token } from "../../blocks/embeddings/token.ts";
import { mergeHeads, splitHeads } from "../../blocks/mixers/attention-heads.ts";
import { rowScores } from "../../blocks/positions/distance-scores.ts";
import { learned } from "../../blocks/positions/learned.ts";
import { blockwiseAttention, glu } from "../../ops/index.ts";
import { constant, conv, iota, silu, type Tensor, zeros } from "../../tensor/index.ts";
import {
  attentionOf,
  type StoredAttention,
  type StoredLinear,
  storedIo,
  storedWeight,
} from "./attention-of.fixture.ts";
import { bertLayer } from "./bert-layer.fixture.ts";
import { biasedAttention, mapped } from "./biased-attention.fixture.ts";
import { averageOfBlind, masksOf, settingsOf } from "./hf-attention.fixture.ts";
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "./index.ts";
import { fourMaps } from "./layer-families-decoder.fixture.ts";
import { thirds } from "./layer-families-other.fixture.ts";
import { linearOf, normOf, plainChannel, type Sublayer } from "./layer-parts.fixture.ts";

const columns = (weight: Tensor): Tensor => weight.transpose([1, 0]);
const self = (name: string) => `attention.self.${name}`;

/** Maps of DeBERTa's second form; each side of the distances has the contents' map or one of its own. */
function debertaV2(c: GoldenCase): { maps: StoredAttention; keys: StoredLinear; queries: StoredLinear } {
  const [q, k, v] = ["query_proj", "key_proj", "value_proj"].map((name) => linearOf(c, self(name))) as [
    StoredLinear,
    StoredLinear,
    StoredLinear,
  ];
  const maps = { q, k, v, out: linearOf(c, "attention.output.dense") };
  if (settingsOf(c).share_att_key) return { maps, keys: k, queries: q };
  return { maps, keys: linearOf(c, self("pos_key_proj")), queries: linearOf(c, self("pos_query_proj")) };
}

/** Of the first form: rows by head, its queries, keys and values; keys have no offset. */
function debertaV1(c: GoldenCase): ReturnType<typeof debertaV2> {
  const weight = c.tensor(`param.${self("in_proj.weight")}`);
  const rows = weight.reshape([settingsOf(c).num_attention_heads, 3, -1, weight.dim(1)]);
  const part = (i: number) => rows.slice(1, i, i + 1).reshape([-1, weight.dim(1)]);
  const none = zeros([weight.dim(0) / 3]);
  return {
    maps: {
      q: { weight: part(0), bias: c.tensor(`param.${self("q_bias")}`) },
      k: { weight: part(1), bias: none },
      v: { weight: part(2), bias: c.tensor(`param.${self("v_bias")}`) },
      out: linearOf(c, "attention.output.dense"),
    },
    keys: { weight: c.tensor(`param.${self("pos_proj.weight")}`), bias: none },
    queries: linearOf(c, self("pos_q_proj")),
  };
}

function deberta(c: GoldenCase, { maps, keys, queries }: ReturnType<typeof debertaV2>): GoldenGraph | Absent {
  const { io, blind_BT } = masksOf(c);
  const { num_attention_heads: heads, max_relative_positions, position_buckets: buckets } = settingsOf(c);
  const positions = { kind: "disentangled", maxDistance: max_relative_positions, buckets, bias: true };
  const others = {
    "positions.table": c.tensor("in.rel_embeddings"),
    "positions.keys": columns(keys.weight),
    "positions.keysBias": keys.bias,
    "positions.queries": columns(queries.weight),
    "positions.queriesBias": queries.bias,
  };
  const options = { heads, causal: false, scale: (3 * (maps.q.weight.dim(0) / heads)) ** -0.5, positions };
  const attend = (x: Tensor) => {
    const given = attentionOf(x, { ...maps, others }, { options, io });
    return averageOfBlind(given, { x_BTD: x, stored: maps, blind_BT }).y;
  };
  return bertLayer(c, attend, { epsilon: 1e-7 });
}

/** Maps [D, heads, size] of XLNet. */
function xlnetMaps(c: GoldenCase): StoredAttention & { r: StoredLinear } {
  const flat = (name: string) => {
    const weight = c.tensor(`param.rel_attn.${name}`);
    return weight.reshape([weight.dim(0), -1]);
  };
  const map = (name: string): StoredLinear => ({ weight: columns(flat(name)) });
  return { q: map("q"), k: map("k"), v: map("v"), r: map("r"), out: { weight: flat("o") } };
}

/** Attention with `transformer-xl`, whose sinusoids are those that the case gives. */
function xlnetAttention(c: GoldenCase, x: Tensor): Tensor {
  const { r, ...maps } = xlnetMaps(c);
  const positions = { kind: "transformer-xl", maxDistance: x.dim(1) };
  const options = { heads: settingsOf(c).n_head as number, causal: false, positions };
  const others = {
    "positions.map": columns(r.weight),
    "positions.content": c.tensor("param.rel_attn.r_w_bias"),
    "positions.place": c.tensor("param.rel_attn.r_r_bias"),
  };
  const { y } = attentionOf(x, { ...maps, others }, { options });
  const given = throughSinusoids(c, x.stopGradient());
  return y.add(given.sub(given.stopGradient()));
}

/** The same, as a function of the sinusoids alone: their gradient is stored. */
function throughSinusoids(c: GoldenCase, x: Tensor): Tensor {
  const maps = xlnetMaps(c);
  const heads = settingsOf(c).n_head as number;
  const fixed = (t: Tensor, { weight }: StoredLinear) => mapped(t, { weight: weight.stopGradient() });
  const split = (t: Tensor, map: StoredLinear) => splitHeads(fixed(t, map), heads);
  const offset = (name: string) => c.tensor(`param.rel_attn.${name}`).stopGradient().unsqueeze(1);
  const q_BHTK = split(x, maps.q);
  const rows = split(c.tensor("in.r").transpose([1, 0, 2]), maps.r);
  const [T, scale] = [x.dim(1), q_BHTK.dim(3) ** -0.5];
  const index = iota(T).sub(iota(T).unsqueeze(1)).add(T).unsqueeze(0);
  const bias = rowScores(q_BHTK.add(offset("r_r_bias")), rows, index).mul(scale);
  const { y_BHTV } = blockwiseAttention({
    q_BHTK: q_BHTK.add(offset("r_w_bias")),
    k_BGTK: split(x, maps.k),
    v_BGTV: split(x, maps.v),
    scale,
    causal: false,
    bias: (queries, keys) => bias.slice(2, queries.start, queries.end).slice(3, keys.start, keys.end),
  });
  return fixed(mergeHeads(y_BHTV), maps.out);
}

/** Time first; the branch, the sum, the norm, twice. */
function xlnet(c: GoldenCase): GoldenGraph {
  const norm = (name: string) => normOf(c, name, { kind: "layer", epsilon: 1e-12 });
  const x = c.tensor("in.x").transpose([1, 0, 2]);
  const h = norm("rel_attn.layer_norm")(x.add(xlnetAttention(c, x)));
  const channel = plainChannel({ up: linearOf(c, "ff.layer_1"), down: linearOf(c, "ff.layer_2") }, "gelu");
  return { outputs: { "out.y": norm("ff.layer_norm")(h.add(channel(h))).transpose([1, 0, 2]) } };
}

/** Positions of the source count i − j, ours j − i. */
function conformerAttention(c: GoldenCase): Sublayer {
  const heads = c.number("heads");
  const keyValue = c.tensor("param.attn.fn.to_kv.weight");
  const [k, v] = keyValue.split(0, [keyValue.dim(0) / 2, keyValue.dim(0) / 2]) as [Tensor, Tensor];
  const maps = {
    q: linearOf(c, "attn.fn.to_q"),
    k: { weight: k },
    v: { weight: v },
    out: linearOf(c, "attn.fn.to_out"),
  };
  const table = c.tensor("param.attn.fn.rel_pos_emb.weight");
  const rows = table.dim(0);
  const turned = table.gather(
    0,
    iota(rows)
      .neg()
      .add(rows - 1),
  );
  const options = { heads, causal: false, positions: { kind: "relative", maxDistance: (rows - 1) / 2 } };
  return (x) => attentionOf(x, { ...maps, others: { "positions.keys": turned } }, { options }).y;
}

/** Pointwise map, GLU, a convolution of each feature along time, batch norm with stored statistics, SiLU, pointwise map. */
function conformerConv(c: GoldenCase): Sublayer {
  const at = (name: string) => c.tensor(`param.conv.net.${name}`);
  const pointwise = (name: string): StoredLinear => ({
    weight: at(`${name}.weight`).squeeze(2),
    bias: at(`${name}.bias`),
  });
  const kernel = at("4.conv.weight");
  const K = kernel.dim(2);
  return (x) => {
    const gated = glu(mapped(x, pointwise("2")), -1).swap(1, 2);
    const pads: [number[], number[]] = [[Math.floor(K / 2)], [Math.floor(K / 2) - ((K + 1) % 2)]];
    const along = conv(gated, kernel, { pads, groups: kernel.dim(0) })
      .swap(1, 2)
      .add(at("4.conv.bias"));
    const factor = at("5.weight").div(at("5.running_var").add(1e-5).sqrt());
    const normed = along.sub(at("5.running_mean")).mul(factor).add(at("5.bias"));
    return mapped(silu(normed), pointwise("7"));
  };
}

function conformer(c: GoldenCase): GoldenGraph {
  const norm = (name: string) => normOf(c, name, { kind: "layer", epsilon: 1e-5 });
  const half = (name: string): Sublayer => {
    const net = { up: linearOf(c, `${name}.fn.fn.net.0`), down: linearOf(c, `${name}.fn.fn.net.3`) };
    return (x) => plainChannel(net, "silu")(norm(`${name}.fn.norm`)(x)).mul(0.5);
  };
  const branches: readonly Sublayer[] = [
    half("ff1"),
    (x) => conformerAttention(c)(norm("attn.norm")(x)),
    (x) => conformerConv(c)(norm("conv.net.0")(x)),
    half("ff2"),
  ];
  const y = branches.reduce((x, branch) => x.add(branch(x)), c.tensor("in.x"));
  return { outputs: { "out.y": norm("post_norm")(y) } };
}

function mpnet(c: GoldenCase): GoldenGraph {
  const maps = fourMaps(c, "attention.attn", ["q", "k", "v", "o"]);
  const given = { heads: settingsOf(c).num_attention_heads, bias: c.tensor("in.position_bias") };
  return bertLayer(c, (x) => biasedAttention(x, maps, given).y, { norm: "attention.LayerNorm" });
}

/** The bias's last columns belong to the tokens at hand; the case's mask is causal. */
function mpt(c: GoldenCase): GoldenGraph {
  const settings = settingsOf(c);
  const { clip_qkv, softmax_scale } = (settings.attn_config ?? {}) as { clip_qkv?: number; softmax_scale?: number };
  const stored = c.tensor("in.position_bias");
  const x = c.tensor("in.x");
  const bias = stored.slice(2, stored.dim(2) - x.dim(1), stored.dim(2)).unsqueeze(0);
  const norm = (name: string) => normOf(c, name, { kind: "layer", epsilon: 1e-5 });
  const { y, weights } = biasedAttention(
    norm("norm_1")(x),
    thirds(linearOf(c, "attn.Wqkv"), linearOf(c, "attn.out_proj")),
    {
      heads: settings.n_heads as number,
      bias,
      causal: true,
      ...(softmax_scale !== undefined && { scale: softmax_scale }),
      ...(clip_qkv !== undefined && { adjust: (t) => t.maximum(-clip_qkv).minimum(clip_qkv) }),
    },
  );
  const a = x.add(y);
  const channel = plainChannel({ up: linearOf(c, "ffn.up_proj"), down: linearOf(c, "ffn.down_proj") }, "gelu");
  return { outputs: { "out.y": a.add(channel(norm("norm_2")(a))), "out.weights": weights } };
}

/** Every token is of the first type, whose vector is added. */
function bertEmbeddings(c: GoldenCase): GoldenGraph {
  const ids = c.tensor("in.x");
  const words = c.tensor("param.word_embeddings.weight");
  const places = c.tensor("param.position_embeddings.weight");
  const [C, D] = words.shape as [number, number];
  const at = { b: {}, io: storedIo() };
  const x = token.forward(ids, {
    ...at,
    c: token.config.parse({}),
    d: token.dims(token.config.parse({}), D, C),
    p: { table: storedWeight(words) },
  });
  const placed = learned.embed!(x, iota(ids.dim(1)).unsqueeze(0), {
    ...at,
    c: learned.config.parse({ max: places.dim(0) }),
    d: { D, positions: places.dim(0) },
    p: { table: storedWeight(places) },
  });
  const type = c.tensor("param.token_type_embeddings.weight").gather(0, constant([0], [1], "i32"));
  return { outputs: { "out.y": normOf(c, "LayerNorm", { kind: "layer", epsilon: 1e-12 })(placed.add(type)) } };
}

const builds: Readonly<Record<string, (c: GoldenCase) => GoldenGraph | Absent>> = {
  "deberta-layer": (c) => deberta(c, debertaV1(c)),
  "deberta-v2-layer": (c) => deberta(c, debertaV2(c)),
  "xlnet-layer": xlnet,
  conformer,
  "mpnet-layer": mpnet,
  "mpt-layer": mpt,
  "bert-embeddings": bertEmbeddings,
};

export const adapters: readonly GoldenAdapter[] = Object.entries(builds).map(([component, build]) => ({
  kind: "blocks",
  component,
  build,
}));
