/**
 * Mixture of attention heads: a router picks k of E experts a token, each with queries and an output map of its own, over
 * keys and values that all share; more experts add parameters, not attention.
 * Axes: B batch, T new tokens, N = B·T, D model, E experts, C choices a token, G key heads, K head size.
 */
import { z } from "zod";
import { balanceLoss, type Routing, routerZLoss, routeTopK } from "../../ops/index.ts";
import { fail, ones, type Tensor, where } from "../../tensor/index.ts";
import { headMapForms, mapFromHeads, mapToHeads } from "../channels/head-maps.ts";
import { type AuxiliaryLoss, defineMixer, type Io, type MaybeState, type MixerContext } from "../define.ts";
import { oneToken } from "../one-token.ts";
import { bias, matrix, tensor } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";
import { splitHeads } from "./attention-heads.ts";
import { attentionPositions, positionDims, positionParams } from "./attention-positions.ts";
import { cachedAttention, type KeyValueState, keyValueState, routedAttention } from "./cached-attention.ts";

const config = z.strictObject({
  experts: z.int().positive().default(8).describe("experts, each with a query and an output map"),
  topK: z.int().positive().default(2).describe("experts that serve each token"),
  kvHeads: z.int().positive().default(1).describe("key and value heads, to each of which every expert has a query"),
  headSize: z.int().positive().optional().describe("width of a head (default: model width / topK / kvHeads)"),
  routing: z
    .enum(["softmax-topk-renormalise", "topk-of-softmax"])
    .default("softmax-topk-renormalise")
    .describe("weights of the chosen: their own softmax (JetMoE), or their shares of the softmax over all"),
  causal: z.boolean().default(true).describe("a token sees itself and earlier ones only; false: all, and no decoding"),
  positions: attentionPositions,
  outBias: z.boolean().default(false).describe("offset on the output"),
  balanceWeight: z.number().min(0).default(0.01).describe("weight of the load-balance loss"),
  zWeight: z.number().min(0).default(0.001).describe("weight of the router's z-loss"),
  dispatch: z
    .enum(headMapForms)
    .default("auto")
    .describe("how maps are run: dense on every token, or each on its own; changes nothing but speed"),
});
type C = z.infer<typeof config>;

const dims = (c: C, D: number) => {
  const lone = c.topK === 1 && c.routing === "softmax-topk-renormalise";
  if (c.topK > c.experts || lone)
    fail({
      code: "E_MOE_TOPK",
      where: "moa.topK",
      expected: lone ? `at least 2 with routing "${c.routing}"` : `at most the ${c.experts} experts`,
      got: String(c.topK),
    });
  const G = c.kvHeads;
  const K = c.headSize ?? D / c.topK / G;
  const around = { heads: G * c.topK, kvHeads: G, model: D };
  return { D, G, K, E: c.experts, C: c.topK, ...positionDims(c.positions, { K, ...around }) };
};
type Sizes = ReturnType<typeof dims>;

const params = (d: Sizes, c: C) => {
  const { D, G, K, E } = d;
  return {
    router: matrix(D, E),
    kv: matrix(D, 2 * G * K),
    ...positionParams(c.positions, d),
    query: tensor([E, D, G * K], { kind: "normal", std: 1 / Math.sqrt(D) }),
    out: tensor([E, G * K, D], { kind: "residual", std: 1 / Math.sqrt(G * K) }),
    ...(c.outBias && { outBias: bias(D) }),
  };
};

type At = MixerContext<C, Sizes, Weights<ReturnType<typeof params>>, MaybeState<KeyValueState>>;

export const moa = defineMixer({
  kind: "moa",
  title: "Mixture of attention heads",
  cite: { arxiv: "2210.05144", by: "Zhang et al. 2022; JetMoE: Shen et al. 2024" },
  patterns: ["multi-x", "data-gating"],
  equations: [
    "g = softmax over the k largest of x W_r",
    "q_e = x W_Q,e  (e chosen, per key head);  k, v = x W_K, x W_V  (shared)",
    "y = Σ_{e chosen} g_e · softmax(q_e kᵀ / √K) v W_O,e",
  ],
  config,
  dims,
  params,
  tune: [{ key: "headSize", unit: 2 }],
  reads: ["mask_BT", "positions_BT"],
  capabilities: routedAttention,
  state: keyValueState,
  forward: attend,
  step: (x_BD, at) => oneToken(x_BD, (x_BTD) => attend(x_BTD, at)),
});

/** New tokens over the cached ones and themselves: decoding is the case of one. */
function attend(x_BTD: Tensor, at: At) {
  const { c, d, p, io } = at;
  const [B, T] = [x_BTD.dim(0), x_BTD.dim(1)];
  const x_ND = x_BTD.reshape([B * T, d.D]);
  const logits_NE = linear(x_ND, p.router);
  const routing = routeTopK(logits_NE, { k: d.C, renormalise: c.routing === "softmax-topk-renormalise" });
  const rows = { heads: 1, form: c.dispatch };
  const x_RD = x_ND
    .unsqueeze(1)
    .expand([B * T, d.C, d.D])
    .reshape([-1, d.D]);
  const q_RF = mapToHeads(x_RD, { ...rows, routing: perChoice(routing, false), maps_XIO: value(p.query) });
  // The queries of a key head side by side.
  const q = q_RF.reshape([B, T, d.C, d.G, d.K]).transpose([0, 3, 2, 1, 4]).reshape([B, -1, T, d.K]);
  const [k, v] = splitHeads(linear(x_BTD, p.kv), 2 * d.G).split(1, [d.G, d.G]) as [Tensor, Tensor];
  const { y_BHTV, k_BGTK } = cachedAttention(x_BTD, { q_BHTK: q, k_BGTK: k, v_BGTV: v }, at);
  const y_RF = y_BHTV
    .reshape([B, d.G, d.C, T, d.K])
    .transpose([0, 3, 2, 1, 4])
    .reshape([1, -1, d.G * d.K]);
  const y_RD = mapFromHeads(y_RF, { ...rows, routing: perChoice(routing, true), maps_XIO: value(p.out) });
  const y = y_RD.reshape([B, T, d.C, d.D]).sum(2);
  return {
    y: p.outBias ? y.add(value(p.outBias)) : y,
    s: c.causal ? { k: k_BGTK, v } : {},
    losses: lossesOf(logits_NE, routing, { c, io }),
    probes: { experts_NK: routing.experts_NK.cast("f32"), weights_NK: routing.weights_NK },
  };
}

/** Every choice as a row with one choice, by its weight or by 1. */
function perChoice({ probs_NE, experts_NK, weights_NK, chosen_NKE }: Routing, weighted: boolean): Routing {
  const E = probs_NE.dim(1);
  return {
    probs_NE,
    experts_NK: experts_NK.reshape([-1, 1]),
    weights_NK: weighted ? weights_NK.reshape([-1, 1]) : ones([weights_NK.size, 1]),
    chosen_NKE: chosen_NKE.reshape([-1, 1, E]),
  };
}

function lossesOf(
  logits_NE: Tensor,
  { probs_NE, chosen_NKE }: Routing,
  { c, io }: { c: C; io: Pick<Io, "mask_BT"> },
): AuxiliaryLoss[] {
  const real = io.mask_BT && where(io.mask_BT, 1, 0).reshape([-1]);
  const balance = balanceLoss({ probs: probs_NE, chosen: chosen_NKE }, { real });
  return [
    { name: "balance", value: balance, weight: c.balanceWeight },
    { name: "z", value: routerZLoss(logits_NE, { real }), weight: c.zWeight },
  ].filter(({ weight }) => weight > 0);
}
