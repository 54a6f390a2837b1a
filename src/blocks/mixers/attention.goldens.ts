/** PyTorch's attention, as a function and as a module, and the windows of local-attention that equal ours. */
import { blockwiseAttention, scaledDotProduct } from "../../ops/index.ts";
import { attentionOf } from "../../testing/goldens/attention-of.fixture.ts";
import type { Absent, GoldenAdapter, GoldenCase, GoldenGraph } from "../../testing/goldens/index.ts";

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

function mha(c: GoldenCase): GoldenGraph | Absent {
  if (!c.flag("self")) return "absent: attention over another sequence";
  if (c.flag("bias_kv") || c.flag("zero_attn")) return "absent: keys added to the sequence";
  if (c.flag("float_mask")) return "absent: a mask of numbers as an input";
  const dim = c.number("dim");
  const [weight, bias] = [c.tensor("param.in_proj_weight"), c.maybe("param.in_proj_bias")];
  const part = (i: number) => ({
    weight: weight.slice(0, i * dim, (i + 1) * dim),
    bias: bias?.slice(0, i * dim, (i + 1) * dim),
  });
  const { y, weights } = attentionOf(
    c.tensor("in.q"),
    {
      q: part(0),
      k: part(1),
      v: part(2),
      out: { weight: c.tensor("param.out_proj.weight"), bias: c.maybe("param.out_proj.bias") },
    },
    {
      options: { heads: c.number("heads"), causal: c.config.mask === "causal" },
      io: c.has("in.key_mask") ? { mask_BT: c.mask("in.key_mask") } : {},
    },
  );
  return { outputs: { "out.y": y, "out.weights": weights } };
}

/** With exact windows a query reaches back `window_size · look_backward` tokens beside itself. */
function local(c: GoldenCase): GoldenGraph | Absent {
  const {
    window_size,
    causal,
    exact_windowsize,
    look_backward = 1,
  } = c.config.args as Record<string, number | boolean>;
  if (!causal || !exact_windowsize) return "absent: windows that begin at multiples of their size";
  const [q, k, v] = [c.tensor("in.q"), c.tensor("in.k"), c.tensor("in.v")];
  const window = Number(window_size) * Number(look_backward) + 1;
  const { y_BHTV } = blockwiseAttention({
    q_BHTK: q,
    k_BGTK: k,
    v_BGTV: v,
    scale: q.dim(3) ** -0.5,
    causal: true,
    window,
    block: 4,
  });
  return { outputs: { "out.y": y_BHTV } };
}

export const adapters: readonly GoldenAdapter[] = [
  { kind: "blocks", component: "sdpa", build: sdpa },
  { kind: "blocks", component: "mha", build: mha },
  { kind: "blocks", component: "local-attention", build: local },
];
