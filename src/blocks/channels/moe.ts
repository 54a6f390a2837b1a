/**
 * Mixture of experts: a router sends each token to k of E feed-forward nets and sums their outputs by its weights.
 * Active FLOPs per token are those of k experts. Executed ones depend on the form: `dense` runs all E; `blocks` runs the
 * N·k choices of N tokens plus at most one partly empty block of slots per expert (an eighth more), and 1/8 to 1/2 of
 * that again for copying weights to blocks; a capacity factor runs its multiple of N·k.
 * Axes: N = B·T tokens, D model, F hidden, E experts, K choices, S hidden of the shared expert.
 */
import { z } from "zod";
import { balanceLoss, capacityDispatch, type Routing, routerZLoss, routeTopK } from "../../ops/index.ts";
import { fail, type Tensor, where } from "../../tensor/index.ts";
import { type AuxiliaryLoss, defineChannel, type Io } from "../define.ts";
import { matrix, tensor } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";
import { activationSchema, activations } from "./activation.ts";
import { dispatchedExperts, exactExperts } from "./experts.ts";
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
    .enum(["softmax-topk-renormalise", "topk-of-softmax"])
    .default("softmax-topk-renormalise")
    .describe(
      "weights of the chosen: their own softmax (Mixtral), or their shares of the softmax over all experts (Switch)",
    ),
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
  if (K === 1 && c.routing === "softmax-topk-renormalise")
    fail({
      code: "E_MOE_TOPK",
      where: "moe.topK",
      expected: 'at least 2 with routing "softmax-topk-renormalise"',
      got: "1: its renormalised weight is always 1, which gives the router no gradient",
      hint: 'Use routing "topk-of-softmax" (Switch), or topK 2.',
    });
  return { D, E, K, F: c.hidden ?? (c.expert === "swiglu" ? gatedHidden(D) : 4 * D) };
}
type Dims = ReturnType<typeof dims>;

function params({ D, E, F }: Dims, c: C) {
  const gated = c.expert === "swiglu";
  const inward = () => tensor([E, D, F], { kind: "normal", std: 1 / Math.sqrt(D) });
  return {
    router: matrix(D, E),
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
  cite: { arxiv: "2101.03961", by: "Fedus, Zoph & Shazeer 2021; Mixtral: Jiang et al. 2024; z-loss: Zoph et al. 2022" },
  equations: [
    "p = softmax(x W_r),  chosen = the k largest",
    "g = p over their sum (Mixtral)  or  p (Switch)",
    "y = Σ_{e chosen} g_e E_e(x)",
    "balance = E Σ_e f_e P_e  (f choices per token, P mean probability),  z = mean (log Σ e^logit)²",
  ],
  config,
  dims,
  params,
  tune: [{ key: "hidden", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: (c) => ({
    flow: c.capacityFactor === null ? "both" : "causal",
    length: "any",
    batch: "independent",
    smooth: "away from ties",
    exact: "bitwise",
  }),
  activeParams({ D, E, K, F }, c) {
    const maps = c.expert === "swiglu" ? 3 : 2;
    const shared = c.shared === null ? 0 : maps * D * c.shared + (c.sharedGate ? D : 0);
    return D * E + K * maps * D * F + shared;
  },
  forward(x, { c, d, p, io }) {
    const x_ND = x.reshape([-1, d.D]);
    const logits_NE = linear(jittered(x_ND, c, io), p.router);
    const routing = routeTopK(logits_NE, { k: d.K, renormalise: c.routing === "softmax-topk-renormalise" });
    const real = io.mask_BT && where(io.mask_BT, 1, 0).reshape([-1]);
    const routed = routedExperts(x_ND, routing, { c, d, p, sequences: x.dim(0), real });
    const y = c.shared === null ? routed : routed.add(sharedExpert(x_ND, c, p));
    return {
      y: y.reshape(x.shape),
      losses: lossesOf(logits_NE, routing, { c, real }),
      probes: { load: loadOf(routing, real) },
    };
  },
});

function jittered(x: Tensor, { jitter }: C, io: Io): Tensor {
  if (jitter === 0 || io.mode === "eval") return x;
  return x.mul(
    io
      .rng("jitter")
      .uniform(x.shape)
      .mul(2 * jitter)
      .add(1 - jitter),
  );
}

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

function lossesOf(
  logits_NE: Tensor,
  { probs_NE, chosen_NKE }: Routing,
  { c, real }: { c: C; real: Tensor | undefined },
): AuxiliaryLoss[] {
  const balance = {
    name: "balance",
    value: balanceLoss({ probs: probs_NE, chosen: chosen_NKE }, { real }),
    weight: c.balanceWeight,
  };
  const z = { name: "z", value: routerZLoss(logits_NE, { real }), weight: c.zWeight };
  return [balance, z].filter(({ weight }) => weight > 0);
}

/** Share of all choices that went to each expert [E]. */
function loadOf({ chosen_NKE }: Routing, real: Tensor | undefined): Tensor {
  const counted = real ? chosen_NKE.mul(real.reshape([-1, 1, 1])) : chosen_NKE;
  const count_E = counted.sum([0, 1]);
  return count_E.div(count_E.sum());
}
