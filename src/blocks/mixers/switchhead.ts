/**
 * SwitchHead: few attention heads whose values and outputs each choose k of E maps a token, so that one matrix of scores
 * serves many parameters.
 * Axes: B batch, T new tokens, N = B·T, D model, H heads, K key size, V value size, E maps a head.
 */
import { z } from "zod";
import { choiceConcentration, type Routing, routeByScores } from "../../ops/index.ts";
import { fail, layerNorm, type Tensor, where } from "../../tensor/index.ts";
import { headMapForms, mapFromHeads, mapToHeads } from "../channels/head-maps.ts";
import { type AuxiliaryLoss, defineMixer, type Io, type MaybeState, type MixerContext } from "../define.ts";
import { headsOfWidth } from "../fields.ts";
import { oneToken } from "../one-token.ts";
import { bias, gain, matrix, tensor } from "../weights/declare.ts";
import { linear, value, type Weight, type Weights } from "../weights/use.ts";
import { splitHeads } from "./attention-heads.ts";
import { attentionPositions, positionDims, positionParams } from "./attention-positions.ts";
import { cachedAttention, type KeyValueState, keyValueState, routedAttention } from "./cached-attention.ts";

const config = z.strictObject({
  heads: headsOfWidth(),
  headSize: z.int().positive().optional().describe("width of a head (default: model width / heads)"),
  experts: z.int().min(2).default(4).describe("maps of a head among which values, and outputs, choose"),
  topK: z.int().positive().default(2).describe("maps of a head that a token uses, each times its sigmoid"),
  causal: z.boolean().default(true).describe("a token sees itself and earlier ones only; false: all, and no decoding"),
  positions: attentionPositions,
  norm: z
    .enum(["layernorm"])
    .optional()
    .describe("norm of what queries, keys and routers read, and values do not (MoEUT's peri-layernorm; default: none)"),
  entropyWeight: z
    .number()
    .min(0)
    .default(0.001)
    .describe("weight of minus the entropy of a sequence's mean choice a head, over all rounds of a loop"),
  dispatch: z
    .enum(headMapForms)
    .default("auto")
    .describe("how maps are run: dense on every token, or each on its own; changes nothing but speed"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => {
  if (c.topK > c.experts)
    fail({
      code: "E_MOE_TOPK",
      where: "switchhead.topK",
      expected: `at most the ${c.experts} experts`,
      got: String(c.topK),
    });
  const [H, K] = [c.heads, c.headSize ?? D / c.heads];
  return { D, H, K, E: c.experts, ...positionDims(c.positions, { K, heads: H, kvHeads: H, model: D }) };
};
type Sizes = ReturnType<typeof dims>;

const params = (d: Sizes, c: C) => {
  const { D, H, K, E } = d;
  return {
    ...(c.norm && { normGain: gain(D), normBias: bias(D) }),
    qk: matrix(D, 2 * H * K),
    ...positionParams(c.positions, d),
    valueRouter: matrix(D, H * E),
    outRouter: matrix(D, H * E),
    value: tensor([H * E, D, K], { kind: "normal", std: 1 / Math.sqrt(D) }),
    out: tensor([H * E, K, D], { kind: "residual", std: 1 / Math.sqrt(H * K) }),
  };
};

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<KeyValueState>>;

export const switchhead = defineMixer({
  kind: "switchhead",
  title: "SwitchHead: attention with experts in its values and outputs",
  cite: { arxiv: "2312.07987", by: "Csordás et al. 2023; peri-layernorm: Csordás et al. 2024 (MoEUT)" },
  patterns: ["multi-x", "data-gating"],
  equations: [
    "s^V_h = σ(x W_SV,h),  s^O_h = σ(x W_SO,h),  chosen: the k largest of each",
    "v_h = Σ_{e chosen} s^V_h,e · x W_V,h,e",
    "y = Σ_h Σ_{e chosen} s^O_h,e · softmax(q_h k_hᵀ / √K) v_h W_O,h,e",
    "loss = −H(mean over a sequence of softmax(x W_S,h)),  for values and outputs",
  ],
  config,
  dims,
  params,
  tune: [{ key: "headSize", unit: 2 }],
  reads: ["mask_BT", "positions_BT"],
  capabilities: routedAttention,
  state: (d, c) => keyValueState({ ...d, G: d.H }, c),
  forward: attend,
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => attend(x_BTD, at)),
});

/** New tokens over the cached ones and themselves: decoding is the case of one. */
function attend(x_BTD: Tensor, at: At) {
  const { c, d, p } = at;
  const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
  const chooser_BTD = p.normGain ? layerNorm(x_BTD, value(p.normGain), value(p.normBias!), 1e-5) : x_BTD;
  const values = choose(chooser_BTD, p.valueRouter, at);
  const outputs = choose(chooser_BTD, p.outRouter, at);
  const maps = { heads: d.H, form: c.dispatch };
  const v_HNV = mapToHeads(x_BTD.reshape([B * T, d.D]), { ...maps, routing: values.routing, maps_XIO: value(p.value) });
  const v = v_HNV.reshape([d.H, B, T, d.K]).swap(0, 1);
  const [q, k] = splitHeads(linear(chooser_BTD, p.qk), 2 * d.H).split(1, [d.H, d.H]) as [Tensor, Tensor];
  const { y_BHTV, k_BGTK } = cachedAttention(chooser_BTD, { q_BHTK: q, k_BGTK: k, v_BGTV: v }, at);
  const y_HNV = y_BHTV.swap(0, 1).reshape([d.H, B * T, d.K]);
  const y_ND = mapFromHeads(y_HNV, { ...maps, routing: outputs.routing, maps_XIO: value(p.out) });
  return {
    y: y_ND.reshape([B, T, d.D]),
    s: c.causal ? { k: k_BGTK, v } : {},
    losses: c.entropyWeight === 0 ? [] : [concentration("values", values, at), concentration("outputs", outputs, at)],
    probes: { valueWeights: values.gates_BTHE, outputWeights: outputs.gates_BTHE },
  };
}

interface Choice {
  /** Over rows N·H. */
  routing: Routing;
  logits_BTHE: Tensor;
  /** Weights of all maps, 0 of those not chosen. */
  gates_BTHE: Tensor;
}

/** k maps a head for every token, by their sigmoids, which do not compete. */
function choose(x_BTD: Tensor, router: Weight, { c, d }: Pick<At, "c" | "d">): Choice {
  const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
  const logits_BTHE = linear(x_BTD, router).reshape([B, T, d.H, d.E]);
  const routing = routeByScores(logits_BTHE.reshape([-1, d.E]).sigmoid(), { k: c.topK, renormalise: false });
  const gates = routing.weights_NK.unsqueeze(-1).mul(routing.chosen_NKE).sum(1);
  return { routing, logits_BTHE, gates_BTHE: gates.reshape([B, T, d.H, d.E]) };
}

/** Keeps a sequence from using few maps, over the softmax of the logits (Csordás et al. 2024, section 2.1). */
function concentration(
  name: string,
  { logits_BTHE }: Choice,
  { c, io }: { c: C; io: Pick<Io, "mask_BT"> },
): AuxiliaryLoss {
  const probs = logits_BTHE.softmax(-1);
  const real = io.mask_BT && where(io.mask_BT, 1, 0).unsqueeze(-1).unsqueeze(-1);
  const samples = real ? probs.mul(real) : probs;
  const pool = { samples, of: choiceConcentration };
  return { name: `${name}Concentration`, value: choiceConcentration(samples), weight: c.entropyWeight, pool };
}
