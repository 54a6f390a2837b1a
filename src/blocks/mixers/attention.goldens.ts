/** PyTorch's attention, as a function and as a module, and the windows of local-attention that equal ours. */
import { blockwiseAttention, type Span, scaledDotProduct } from "../../ops/index.ts";
import { iota, type Tensor, where } from "../../tensor/index.ts";
import { attentionOf, storedIo } from "../../testing/goldens/attention-of.fixture.ts";
import { biasedAttention } from "../../testing/goldens/biased-attention.fixture.ts";
import { crossAttentionOf } from "../../testing/goldens/cross-attention-of.fixture.ts";
import type { GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";
import { rope } from "../positions/rope.ts";

/** In blocks of 3 queries, unless the mask is no shape that blocks know. */
function sdpa(c: GoldenCase): GoldenGraph {
  const [q, k, v] = [c.tensor("in.q"), c.tensor("in.k"), c.tensor("in.v")];
  const scale = c.number("scale", q.dim(3) ** -0.5);
  if (c.has("in.mask"))
    return { outputs: { "out.y": scaledDotProduct({ q, k, v }, { scale, mask: c.mask("in.mask") }) } };
  const bias = c.maybe("in.bias");
  const { y_BHTV } = blockwiseAttention({
    q_BHTK: q,
    k_BGTK: k,
    v_BGTV: v,
    scale,
    causal: c.config.mask === "causal",
    bias: bias && ((queries, keys) => bias.slice(2, queries.start, queries.end).slice(3, keys.start, keys.end)),
    block: 3,
  });
  return { outputs: { "out.y": y_BHTV } };
}

function mha(c: GoldenCase): GoldenGraph {
  const heads = c.number("heads");
  const maps = mhaMaps(c);
  if (!c.flag("self")) return crossMha(c, maps, heads);
  if (c.flag("float_mask")) {
    const x = c.tensor("in.q");
    const bias = c.tensor("in.bias").reshape([-1, heads, x.dim(1), x.dim(1)]);
    const biased = biasedAttention(x, maps, { heads, bias });
    return { outputs: { "out.y": biased.y, "out.weights": biased.weights } };
  }
  const learned = (name: string) => c.tensor(`param.bias_${name}`).reshape([heads, 1, -1]);
  const beside = c.flag("bias_kv");
  const { y, weights } = attentionOf(
    c.tensor("in.q"),
    { ...maps, ...(beside && { others: { memoryKeys: learned("k"), memoryValues: learned("v") } }) },
    {
      options: {
        heads,
        causal: c.config.mask === "causal",
        ...(beside && { memory: 1 }),
        ...(c.flag("zero_attn") && { zeroKey: true }),
      },
      io: c.has("in.key_mask") ? { mask_BT: c.mask("in.key_mask") } : {},
    },
  );
  return { outputs: { "out.y": y, "out.weights": weights } };
}

/** Keys and values of widths of their own have matrices of their own. */
function mhaMaps(c: GoldenCase) {
  const dim = c.number("dim");
  const bias = c.maybe("param.in_proj_bias");
  const part = (name: "q" | "k" | "v", i: number) => ({
    weight: c.maybe(`param.${name}_proj_weight`) ?? c.tensor("param.in_proj_weight").slice(0, i * dim, (i + 1) * dim),
    bias: bias?.slice(0, i * dim, (i + 1) * dim),
  });
  const out = { weight: c.tensor("param.out_proj.weight"), bias: c.maybe("param.out_proj.bias") };
  return { q: part("q", 0), k: part("k", 1), v: part("v", 2), out };
}

function crossMha(c: GoldenCase, maps: ReturnType<typeof mhaMaps>, heads: number): GoldenGraph {
  const { y, weights } = crossAttentionOf(
    c.tensor("in.q"),
    {
      memory: { keys: c.tensor("in.k"), values: c.tensor("in.v") },
      mask_BS: c.has("in.key_mask") ? c.mask("in.key_mask") : undefined,
    },
    { maps, heads },
  );
  return { outputs: { "out.y": y, "out.weights": weights } };
}

interface LocalOptions {
  window_size: number;
  causal?: boolean;
  exact_windowsize?: boolean;
  look_backward?: number;
  look_forward?: number;
  shared_qk?: boolean;
  /** Rotation of q and k, when given. */
  dim?: number;
}

/**
 * A query sees its own chunk and those beside; with exact windows it reaches back `window_size · look_backward` tokens beside
 * itself. The source fills the last chunk with zeros, which it does not hide unless it is causal.
 */
function local(c: GoldenCase): GoldenGraph {
  const o = c.config.args as unknown as LocalOptions;
  const { window_size: size, causal = false, look_backward: back = 1 } = o;
  const ahead = causal ? 0 : (o.look_forward ?? 1);
  const T = c.tensor("in.q").dim(2);
  const filled = (name: string) => c.tensor(`in.${name}`).pad(2, 0, (size - (T % size)) % size);
  const placed = (x: Tensor) => (o.dim === undefined ? x : rotatedHalves(x));
  const [q, k] = [filled("q"), o.shared_qk ? unitRows(filled("k")) : filled("k")];
  const self = (rows: Span, columns: Span) =>
    iota(rows.end - rows.start)
      .add(rows.start)
      .unsqueeze(1)
      .equal(iota(columns.end - columns.start).add(columns.start));
  const { y_BHTV } = blockwiseAttention({
    q_BHTK: placed(q),
    k_BGTK: placed(k),
    v_BGTV: filled("v"),
    scale: q.dim(3) ** -0.5,
    causal,
    ...(o.exact_windowsize ? { window: size * back + 1 } : { chunks: { size, back, ahead } }),
    // A token that shares query and key looks at itself only where there is nothing else.
    ...(o.shared_qk && {
      bias: (rows: Span, columns: Span) => where(self(rows, columns), -5e4, 0).unsqueeze(0).unsqueeze(0),
    }),
    block: 4,
  });
  return { outputs: { "out.y": y_BHTV.slice(2, 0, T) } };
}

const unitRows = (x: Tensor): Tensor => x.div(x.square().sum(-1, true).sqrt());

function rotatedHalves(x_BHTK: Tensor): Tensor {
  const config = rope.config.parse({});
  const at = { c: config, d: rope.dims(config, x_BHTK.dim(3)), p: {}, b: {}, io: storedIo() };
  return rope.rotate!(x_BHTK, iota(x_BHTK.dim(2)).unsqueeze(0), at);
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "sdpa", build: sdpa },
  { kind: "blocks", component: "mha", build: mha },
  { kind: "blocks", component: "local-attention", build: local },
];
