/** Options of x-transformers' attention as ours: one rule an option of a case. */
import { constant, type Tensor } from "../../tensor/index.ts";
import type { Absent } from "./adapter.ts";
import type { GoldenCase } from "./golden-case.ts";

export interface Mapped {
  options: Readonly<Record<string, unknown>>;
  /** What attention learns besides its maps. */
  others?: Readonly<Record<string, Tensor>>;
}
export type XtOptions = Readonly<Record<string, number | boolean | undefined>>;

interface At {
  c: GoldenCase;
  o: XtOptions;
  heads: number;
  size: number;
  /** Parameters of the attention layer. */
  own: (name: string) => Tensor;
}

type Rule = (at: At) => Mapped | Absent;

const rotary: Rule = ({ o, size }) => {
  const stretch = o.rotary_interpolation_factor;
  const rescale = o.rotary_base_rescale_factor;
  const scaling = stretch
    ? { kind: "linear", factor: stretch }
    : rescale
      ? { kind: "ntk", factor: rescale }
      : { kind: "none" };
  const rotaryFraction = Number(o.rotary_emb_dim) / size;
  const fading = o.rotary_xpos ? { xpos: 512 } : {};
  return { options: { positions: { kind: "rope", layout: "interleaved", rotaryFraction, scaling, ...fading } } };
};

/** T5's bias is stored per bucket and multiplied by √size. */
const t5Bias: Rule = ({ c, o, size }) => ({
  options: {
    positions: {
      kind: "t5-bias",
      buckets: o.rel_pos_num_buckets,
      maxDistance: o.rel_pos_max_distance,
      sides: c.text("stack") === "encoder" ? "both" : "past",
    },
  },
  others: { "positions.table": c.tensor("param.rel_pos.relative_attention_bias.weight").mul(size ** 0.5) },
});

const flipped = (weight: Tensor) => weight.transpose([1, 0]);

const dynamicBias: Rule = ({ c, o }) => {
  const depth = Number(o.dynamic_pos_bias_mlp_depth ?? 2);
  const norm = o.dynamic_pos_bias_norm === true;
  const at = (name: string) => c.tensor(`param.rel_pos.mlp.${name}`);
  const others: Record<string, Tensor> = {};
  for (let i = 0; i < depth; i++) {
    others[`positions.map${i}`] = flipped(at(`${i}.0.weight`));
    others[`positions.offset${i}`] = at(`${i}.0.bias`);
    if (norm) others[`positions.gain${i}`] = at(i === 0 ? "0.1.gamma" : `${i}.1.weight`);
    if (norm && i > 0) others[`positions.normOffset${i}`] = at(`${i}.1.bias`);
  }
  const hidden = at("0.0.bias").dim(0);
  const log = o.dynamic_pos_bias_log_distance === true;
  return {
    options: { positions: { kind: "dynamic-bias", hidden, depth, log, norm } },
    others: {
      ...others,
      "positions.out": flipped(at(`${depth}.weight`)),
      "positions.outOffset": at(`${depth}.bias`),
    },
  };
};

const projectedBias: Rule = ({ o, own }) => ({
  options: {
    positions: {
      kind: "projected-bias",
      basis: o.attn_rel_proj_num_distance_basis,
      maxDistance: o.attn_rel_proj_max_dist,
    },
  },
  others: {
    "positions.weights": flipped(own("rel_proj_pos_bias.to_distance_weights.0.weight")),
    "positions.weightsBias": own("rel_proj_pos_bias.to_distance_weights.0.bias"),
    "positions.curves": own("rel_proj_pos_bias.distance_bank"),
  },
});

const memory: Rule = ({ c, o, own }) => ({
  options: {
    memory: o.attn_num_mem_kv,
    ...(o.alibi_pos_bias && { positions: { kind: "alibi", heads: c.number("heads") } }),
  },
  others: { memoryKeys: own("mem_k"), memoryValues: own("mem_v") },
});

const talking: Rule = ({ o, own }) => {
  const [before, after] = [o.attn_pre_talking_heads, o.attn_post_talking_heads];
  const mixed = (name: string) => flipped(own(`attend.${name}_talking_heads.weight`).squeeze(3).squeeze(2));
  if (o.attn_pre_scale_post_talking_heads)
    return { options: { talkingHeads: "gate" }, others: { talkGate: mixed("pre_scale_post") } };
  return {
    options: { talkingHeads: before && after ? "both" : before ? "before" : "after" },
    others: {
      ...(before && { talkBefore: mixed("pre_softmax") }),
      ...(after && { talkAfter: mixed("post_softmax") }),
    },
  };
};

const gates: Rule = ({ o, own }) => {
  if (o.attn_output_gate)
    return { options: { gate: "output" }, others: { gate: flipped(own("to_output_gate.weight")) } };
  if (o.attn_gate_value_heads)
    return {
      options: { gate: "head" },
      others: { gate: flipped(own("to_v_head_gate.weight")), gateBias: own("to_v_head_gate.bias") },
    };
  const gateActivation = o.attn_swiglu_values ? "silu" : "sigmoid";
  return { options: { gate: "feature", gateActivation }, others: { gate: flipped(own("to_v_gate.weight")) } };
};

/** What divides is the length, floored; none of these tokens is near 0. */
const smallest = 1e-30;

const norms: Rule = ({ o, own, heads, size }) => {
  if (o.attn_value_rmsnorm)
    return {
      options: { valueNorm: true, normEpsilon: smallest },
      others: { valueGain: own("value_rmsnorm.gamma").add(1) },
    };
  if (o.attn_qk_rmsnorm || o.attn_qk_norm_dim_scale) {
    // Unit vectors times a gain and 1/√size are vectors of mean square 1 times that gain over √size.
    const gain = (side: "q" | "k") =>
      o.attn_qk_rmsnorm ? own(`${side}_rmsnorm.gamma`).add(1) : own(`qk_norm_${side}_scale`).div(size ** 0.5);
    return {
      options: { qkNorm: "rms", normGain: "per-head", normEpsilon: smallest },
      others: { queryGain: gain("q"), keyGain: gain("k") },
    };
  }
  const temperature = new Array<number>(heads).fill(Number(o.attn_qk_norm_scale ?? 10));
  return {
    options: { qkNorm: "l2", ...(o.attn_qk_norm_groups && { normGroups: o.attn_qk_norm_groups }) },
    others: { temperature: constant(temperature, [heads]) },
  };
};

const option =
  (options: (o: XtOptions) => Mapped["options"]): Rule =>
  ({ o }) => ({ options: options(o) });

/** By the options whose presence asks for them, the first that is present; what two options share stands before either. */
const rules: readonly [options: readonly string[], rule: Rule][] = [
  [["attn_num_mem_kv"], memory],
  [["rotary_pos_emb", "rotary_xpos"], rotary],
  [["alibi_pos_bias"], option((o) => ({ positions: { kind: "alibi", heads: o.alibi_num_heads } }))],
  [
    ["polar_pos_emb"],
    ({ c }) => ({
      options: { positions: { kind: "pope" } },
      others: { "positions.phase": c.tensor("param.polar_pos_emb.learned_bias") },
    }),
  ],
  [["rel_pos_bias"], t5Bias],
  [["dynamic_pos_bias"], dynamicBias],
  [["attn_use_rel_proj_pos_bias"], projectedBias],
  [
    ["attn_use_cope"],
    ({ o, own }) => ({
      options: { contextualPositions: o.attn_cope_max_pos },
      others: { contextual: own("attend.cope.pos_emb") },
    }),
  ],
  [
    ["attn_head_learned_sink"],
    ({ own }) => ({ options: { sinks: true }, others: { sink: own("attend.head_attn_sink") } }),
  ],
  [["attn_softclamp_logits"], option((o) => ({ softcap: o.attn_logit_softclamp_value }))],
  [["attn_max_attend_past"], option((o) => ({ window: Number(o.attn_max_attend_past) + 1 }))],
  [["attn_one_kv_head"], option(() => ({ kvHeads: 1 }))],
  [["attn_kv_heads"], option((o) => ({ kvHeads: o.attn_kv_heads }))],
  [["attn_pre_talking_heads", "attn_post_talking_heads", "attn_pre_scale_post_talking_heads"], talking],
  [["attn_gate_values", "attn_gate_value_heads", "attn_output_gate"], gates],
  [["attn_qk_norm", "attn_qk_rmsnorm", "attn_value_rmsnorm"], norms],
  [["attn_value_dim_head"], option((o) => ({ valueSize: o.attn_value_dim_head }))],
  [["attn_add_zero_kv"], option(() => ({ zeroKey: true }))],
  [["attn_on_attn"], option(() => ({ outGate: true }))],
  [["attn_cog_signed"], option(() => ({ weights: "signed" }))],
  [["attn_hard"], option(() => ({ weights: "hard" }))],
  [["attn_sigmoid"], option(() => ({ weights: "sigmoid" }))],
  [
    ["attn_sparse_topk"],
    option((o) => ({
      topK: o.attn_sparse_topk,
      topKGradient: o.attn_sparse_topk_straight_through ? "all" : "kept",
    })),
  ],
  [["attn_l2_distance"], option(() => ({ score: "distance" }))],
  [["attn_laser"], option(() => ({ laser: 15 }))],
  [["attn_selective"], option(() => ({ selective: true }))],
  [["residual_attn"], option(() => ({ scoreResidual: true }))],
  [
    ["attn_head_scale"],
    ({ own }) => ({
      options: { headScale: true },
      others: { headScale: own("head_scale_params").reshape([-1]) },
    }),
  ],
];

/** Which of our options a case's own is, for the attention layer of this name. */
export function mapOptions(
  c: GoldenCase,
  layer: string,
  { heads, size }: { heads: number; size: number },
): Mapped | Absent {
  const o = c.config.options as XtOptions;
  const own = (name: string) => c.tensor(`param.${layer}.${name}`);
  const rule = rules.find(([options]) => options.some((name) => o[name]));
  return rule ? rule[1]({ c, o, heads, size, own }) : { options: {} };
}

/** The values of a later layer are mixed with the first one's, where the case says so. */
export function valueMix(c: GoldenCase, layer: string, depth: number): Mapped {
  const o = c.config.options as XtOptions;
  if (!o.add_value_residual || depth === 0) return { options: {} };
  if (o.learned_value_residual_mix === false) return { options: { valueResidual: "half" } };
  const at = (name: string) => c.tensor(`param.${layer}.to_value_residual_mix.0.${name}`);
  return {
    options: { valueResidual: "learned" },
    others: { valueMix: flipped(at("weight")), valueMixBias: at("bias") },
  };
}
