/**
 * Mixture of experts: a router sends each token to k of E feed-forward nets and sums their outputs by its weights.
 * Active FLOPs per token are those of k experts. Executed ones depend on the form: `dense` runs all E; `blocks` runs the
 * N·k choices of N tokens plus at most one partly empty block of slots per expert (an eighth more), and 1/8 to 1/2 of
 * that again for copying weights to blocks; a capacity factor runs its multiple of N·k.
 * Axes: N = B·T tokens, D model, F hidden, E experts, K choices, S hidden of the shared expert.
 */
import { z } from "zod";
import { capacityDispatch, type Routing } from "../../ops/index.ts";
import { fail, type Tensor, where } from "../../tensor/index.ts";
import { defineChannel } from "../define.ts";
import { matrix, tensor } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";
import { activationSchema, activations } from "./activation.ts";
import { dispatchedExperts, exactExperts } from "./experts.ts";
import { routeTokens, routings } from "./moe-routing.ts";
import { gatedHidden } from "./swiglu.ts";

const config = z.strictObject({
  experts: z.int().positive().default(8).describe("number of experts"),
  topK: z.int().positive().default(2).describe("experts that serve each token"),
  hidden: z
    .int()
    .positive()
    .optional()
    .describe("hidden width of each expert; that of the dense channel mixer if absent"),
  expert: z
    .enum(["swiglu", "mlp"])
    .default("swiglu")
    .describe("form of an expert: gated, or two plain maps; no biases"),
  activation: activationSchema.default("silu").describe("function inside each expert"),
  routing: z
    .enum(routings)
    .default("softmax-topk-renormalise")
    .describe(
      "weights of the chosen: their own softmax (Mixtral), their shares of the softmax over all (Switch), sigmoids over their sum (DeepSeek-V3) or as they are; noisy-topk: their own softmax, chosen in training with learned noise; sinkhorn: shares, chosen in training by a plan even over the batch",
    ),
  groups: z.int().positive().default(1).describe("equal groups of experts, of which a token may use some"),
  keptGroups: z.int().positive().default(1).describe("groups that a token may use: those of the best score"),
  groupScore: z
    .enum(["largest", "two-largest"])
    .default("two-largest")
    .describe("a group's score: its largest entry (DeepSeek-V2), or the sum of its two largest (DeepSeek-V3)"),
  biasSpeed: z
    .number()
    .min(0)
    .default(0)
    .describe("change per step of biases that only choosing sees and that even the load (DeepSeek-V3: 0.001); 0: none"),
  scale: z.number().positive().default(1).describe("factor of the routed experts' sum"),
  capacityFactor: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe(
      "slots of an expert per sequence, as a multiple of an even share; tokens beyond get zero output. null: none is dropped",
    ),
  jitter: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe("in training the router's input is multiplied by uniform noise in 1 ± jitter"),
  balanceWeight: z.number().min(0).default(0.01).describe("weight of the load-balance loss"),
  zWeight: z.number().min(0).default(0.001).describe("weight of the router's z-loss"),
  shared: z
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe("hidden width of a further expert that serves every token; null: none"),
  sharedGate: z
    .boolean()
    .default(false)
    .describe("whether the shared expert is multiplied by a sigmoid gate per token"),
  dispatch: z
    .enum(["auto", "dense", "blocks"])
    .default("auto")
    .describe("how experts are run without a capacity factor; changes nothing but speed"),
});
type C = z.infer<typeof config>;

function dims(c: C, D: number) {
  const { experts: E, topK: K } = c;
  if (K > E) fail({ code: "E_MOE_TOPK", where: "moe.topK", expected: `at most the ${E} experts`, got: String(K) });
  const ownSoftmax = c.routing === "softmax-topk-renormalise" || c.routing === "noisy-topk";
  if (K === 1 && (ownSoftmax || c.routing === "sigmoid-topk-renormalise"))
    fail({
      code: "E_MOE_TOPK",
      where: "moe.topK",
      expected: `at least 2 with routing "${c.routing}"`,
      got: "1: its renormalised weight is always 1, which gives the router no gradient",
      hint: 'Use routing "topk-of-softmax" (Switch), or topK 2.',
    });
  assertGroups(c);
  const F = c.hidden ?? (c.expert === "swiglu" ? gatedHidden(D) : 4 * D);
  return { D, E, K, F, expertsPerGroup: E / c.groups };
}

function assertGroups({ experts, topK, groups, keptGroups, routing, biasSpeed }: C): void {
  const own = groups > 1 || biasSpeed > 0;
  if (own && (routing === "noisy-topk" || routing === "sinkhorn"))
    fail({
      code: "E_MOE_ROUTING",
      where: "moe.routing",
      expected: "a routing by softmax or sigmoid where groups or biasSpeed are set",
      got: routing,
    });
  const reachable = (keptGroups * experts) / groups;
  if (keptGroups > groups || reachable < topK)
    fail({
      code: "E_MOE_GROUPS",
      where: "moe.keptGroups",
      expected: `at most the ${groups} groups, holding at least topK ${topK} experts`,
      got: `${keptGroups} of ${groups} groups with ${reachable} experts`,
    });
}
type Dims = ReturnType<typeof dims>;

function params({ D, E, F }: Dims, c: C) {
  const gated = c.expert === "swiglu";
  const noisy = c.routing === "noisy-topk";
  const inward = () => tensor([E, D, F], { kind: "normal", std: 1 / Math.sqrt(D) });
  return {
    // With noise both start at zero, so that load starts even (Shazeer et al. 2017, appendix A).
    router: matrix(D, E, { init: noisy ? "zeros" : "fanIn" }),
    ...(noisy && { noise: matrix(D, E, { init: "zeros" }) }),
    ...(gated && { gate: inward() }),
    up: inward(),
    down: tensor([E, F, D], { kind: "residual", std: 1 / Math.sqrt(F) }),
    ...(c.shared !== null && {
      ...(gated && { sharedGate: matrix(D, c.shared) }),
      sharedUp: matrix(D, c.shared),
      sharedDown: matrix(c.shared, D, { init: "residual" }),
      ...(c.sharedGate && { sharedMix: matrix(D, 1) }),
    }),
  };
}

type P = Weights<ReturnType<typeof params>>;

export const moe = defineChannel({
  kind: "moe",
  title: "Mixture of experts",
  cite: {
    arxiv: "2101.03961",
    by: "Fedus, Zoph & Shazeer 2021; Mixtral: Jiang et al. 2024; z-loss: Zoph et al. 2022; biases and groups: DeepSeek-V3, 2024; noise: Shazeer et al. 2017",
  },
  equations: [
    "p = softmax(x W_r),  chosen = the k largest",
    "g = p over their sum (Mixtral)  or  p (Switch)",
    "y = Σ_{e chosen} g_e E_e(x)",
    "balance = E Σ_e f_e P_e  (f choices per token, P mean probability),  z = mean (log Σ e^logit)²",
  ],
  config,
  dims,
  params,
  buffers: ({ E }, c) => ({ ...(c.biasSpeed > 0 && { choiceBias: [E] }) }),
  tune: [{ key: "hidden", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: (c) => ({
    flow: c.capacityFactor === null ? "both" : "causal",
    length: "any",
    batch: c.routing === "sinkhorn" ? "coupled in training" : "independent",
    smooth: "away from ties",
    exact: "bitwise",
  }),
  activeParams({ D, E, K, F }, c) {
    const maps = c.expert === "swiglu" ? 3 : 2;
    const shared = c.shared === null ? 0 : maps * D * c.shared + (c.sharedGate ? D : 0);
    const routers = c.routing === "noisy-topk" ? 2 : 1;
    return routers * D * E + K * maps * D * F + shared;
  },
  forward(x, { c, d, p, b, io }) {
    const x_ND = x.reshape([-1, d.D]);
    const real = io.mask_BT && where(io.mask_BT, 1, 0).reshape([-1]);
    const router = { c, k: d.K, p, bias_E: b.choiceBias, io, real };
    const { routing, losses, buffers, load_E } = routeTokens(x_ND, router);
    const routed = routedExperts(x_ND, routing, { c, d, p, sequences: x.dim(0), real });
    const y = c.shared === null ? routed : routed.add(sharedExpert(x_ND, c, p));
    return { y: y.reshape(x.shape), losses, buffers, probes: { load: load_E } };
  },
});

function routedExperts(
  x_ND: Tensor,
  routing: Routing,
  { c, d: { E, K }, p, sequences, real }: { c: C; d: Dims; p: P; sequences: number; real: Tensor | undefined },
): Tensor {
  const gate_EDF = p.gate && value(p.gate);
  const experts = { gate_EDF, up_EDF: value(p.up), down_EFD: value(p.down), activation: c.activation };
  if (c.capacityFactor === null) return exactExperts(x_ND, routing, { experts, form: c.dispatch });
  const tokens = x_ND.dim(0) / sequences;
  const capacity = Math.min(tokens, Math.ceil(((tokens * K) / E) * c.capacityFactor));
  const dispatch = capacityDispatch({ chosen_NKE: routing.chosen_NKE, sequences, capacity, real_N: real });
  return dispatchedExperts(x_ND, routing, { dispatch, experts });
}

function sharedExpert(x: Tensor, c: C, p: P): Tensor {
  const up = linear(x, p.sharedUp!);
  const act = activations[c.activation];
  const hidden = p.sharedGate ? act(linear(x, p.sharedGate)).mul(up) : act(up);
  const y = linear(hidden, p.sharedDown!);
  return p.sharedMix ? y.mul(linear(x, p.sharedMix).sigmoid()) : y;
}
