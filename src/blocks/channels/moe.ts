/**
 * Mixture of experts: a router sends each token to k of E feed-forward nets and sums their outputs by its weights.
 * Active FLOPs per token are those of k experts. Executed ones depend on the form (`expertPasses`): `dense` runs all E;
 * `blocks` runs the N·k choices of N tokens plus at most one partly empty block of slots per expert (an eighth more), and
 * 1/8 to 1/2 of that again for copying weights to blocks; a capacity factor runs its multiple of N·k.
 * Axes: N = B·T tokens, D model, F hidden, E experts, Z experts without parameters, K choices, S hidden of the shared
 * expert.
 */
import { capacityDispatch, type Routing } from "../../ops/index.ts";
import { type Tensor, where } from "../../tensor/index.ts";
import { defineChannel } from "../define.ts";
import { bias, gain, type Init, matrix, type ParameterDeclaration, tensor } from "../weights/declare.ts";
import { linear, value, type Weights } from "../weights/use.ts";
import { denseExperts, dispatchedExperts, type Experts, exactExperts, type Serving } from "./experts.ts";
import { type HiddenUnit, hiddenUnit } from "./gated-unit.ts";
import { assertMoe, type MoeConfig, moeConfig } from "./moe-options.ts";
import { routeTokens } from "./moe-routing.ts";
import { gatedHidden } from "./swiglu.ts";

type C = MoeConfig;

function dims(c: C, D: number) {
  assertMoe(c);
  const F = c.hidden ?? (c.expert === "swiglu" ? gatedHidden(D) : 4 * D);
  return { D, E: c.experts, K: c.topK, F, expertsPerGroup: (c.experts + c.zeroExperts) / c.groups };
}
type Dims = ReturnType<typeof dims>;

function params({ D, E, F }: Dims, c: C) {
  const gated = c.expert === "swiglu";
  const noisy = c.routing === "noisy-topk";
  const choices = E + c.zeroExperts;
  const inward = () => tensor([E, D, F], { kind: "normal", std: 1 / Math.sqrt(D) });
  return {
    // With noise both start at zero, so that load starts even (Shazeer et al. 2017, appendix A).
    router: matrix(D, choices, { init: noisy ? "zeros" : "fanIn" }),
    ...(c.routerBias && { routerBias: bias(choices) }),
    ...(c.routerNorm && { routerNormGain: gain(D), routerNormBias: bias(D) }),
    ...(noisy && { noise: matrix(D, choices, { init: "zeros" }) }),
    ...(gated && { gate: inward() }),
    up: inward(),
    down: tensor([E, F, D], { kind: "residual", std: 1 / Math.sqrt(F) }),
    ...(c.expertBias && { ...(gated && { gateBias: offsets(E, F) }), upBias: offsets(E, F), downBias: offsets(E, D) }),
    ...(c.shared !== null && {
      ...(gated && { sharedGate: matrix(D, c.shared) }),
      sharedUp: matrix(D, c.shared),
      sharedDown: matrix(c.shared, D, { init: "residual" }),
      ...(c.sharedGate && { sharedMix: matrix(D, 1) }),
    }),
  };
}

const atZero: Init = { kind: "constant", value: 0 };
const offsets = (experts: number, width: number): ParameterDeclaration => ({
  shape: [experts, width],
  init: atZero,
  role: "bias",
});

type P = Weights<ReturnType<typeof params>>;

export const moe = defineChannel({
  kind: "moe",
  title: "Mixture of experts",
  cite: {
    arxiv: "2101.03961",
    by: "Fedus, Zoph & Shazeer 2021; Mixtral: Jiang et al. 2024; z-loss: Zoph et al. 2022; biases and groups: DeepSeek-V3, 2024; noise: Shazeer et al. 2017; priority: Riquelme et al. 2021",
  },
  patterns: ["multi-x", "data-gating"],
  equations: [
    "p = softmax(x W_r),  chosen = the k largest",
    "g = p over their sum (Mixtral)  or  p (Switch)",
    "y = Σ_{e chosen} g_e E_e(x)",
    "balance = E Σ_e f_e P_e  (f choices per token, P mean probability),  z = mean (log Σ e^logit)²",
  ],
  config: moeConfig,
  dims,
  params,
  buffers: ({ E }, c) => ({ ...(c.biasSpeed > 0 && { choiceBias: [E + c.zeroExperts] }) }),
  tune: [{ key: "hidden", unit: 1 }],
  reads: ["mask_BT"],
  capabilities: (c) => ({
    flow: c.capacityFactor === null ? "both" : c.order === "tokens" ? "causal" : "causal-values-only",
    length: "any",
    batch: c.routing === "sinkhorn" ? "coupled in training" : "independent",
    smooth: c.weighting === "straight-through" ? "surrogate" : "away from ties",
    exact: "bitwise",
  }),
  activeParams({ D, E, K, F }, c) {
    const maps = c.expert === "swiglu" ? 3 : 2;
    const shared = c.shared === null ? 0 : maps * D * c.shared + (c.sharedGate ? D : 0);
    const routers = c.routing === "noisy-topk" ? 2 : 1;
    const choices = E + c.zeroExperts;
    const own = maps * D * F + (c.expertBias ? (maps - 1) * F + D : 0);
    return (
      routers * D * choices + (c.routerBias ? choices : 0) + (c.routerNorm ? 2 * D : 0) + Math.min(K, E) * own + shared
    );
  },
  forward(x, { c, d, p, b, io }) {
    const x_ND = x.reshape([-1, d.D]);
    const real = io.mask_BT && where(io.mask_BT, 1, 0).reshape([-1]);
    const router = { c, k: d.K, p, bias_E: b.choiceBias, io, real, sequences: x.dim(0) };
    const { routing, losses, buffers, load_E } = routeTokens(x_ND, router);
    const { y: routed, served_NK } = routedExperts(x_ND, routing, { c, d, p, sequences: x.dim(0), real });
    const identity = c.zeroExperts > 0 ? routed.add(x_ND.mul(zeroWeight(routing, d.E))) : routed;
    const y = c.shared === null ? identity : identity.add(sharedExpert(x_ND, c, p));
    const { experts_NK, weights_NK } = routing;
    const probes = { load: load_E, experts_NK: experts_NK.cast("f32"), weights_NK, ...(served_NK && { served_NK }) };
    return { y: y.reshape(x.shape), losses, buffers, probes };
  },
});

const unitOf = ({ activation, limit, upOffset }: C): HiddenUnit => ({ activation, limit, upOffset });

function expertsOf(c: C, p: P): Experts {
  return {
    gate_EDF: p.gate && value(p.gate),
    up_EDF: value(p.up),
    down_EFD: value(p.down),
    gateBias_EF: p.gateBias && value(p.gateBias),
    upBias_EF: p.upBias && value(p.upBias),
    downBias_ED: p.downBias && value(p.downBias),
    unit: unitOf(c),
  };
}

/** What the experts with parameters give, and which choices found a slot where slots are bounded. */
function routedExperts(
  x_ND: Tensor,
  routing: Routing,
  { c, d: { E, K }, p, sequences, real }: { c: C; d: Dims; p: P; sequences: number; real: Tensor | undefined },
): { y: Tensor; served_NK?: Tensor | undefined } {
  const experts = expertsOf(c, p);
  const partial = c.zeroExperts > 0;
  const chosen_NKE = partial ? routing.chosen_NKE.slice(-1, 0, E) : routing.chosen_NKE;
  const serving: Serving = { routing: { ...routing, chosen_NKE }, weighting: c.weighting };
  if (c.capacityFactor === null) return { y: exactExperts(x_ND, serving, { experts, form: c.dispatch, partial }) };
  const tokens = x_ND.dim(0) / sequences;
  const capacity = Math.min(tokens, Math.ceil(((tokens * K) / E) * c.capacityFactor));
  const { order } = c;
  const { weights_NK } = routing;
  const dispatch = capacityDispatch({ chosen_NKE, sequences, capacity, real_N: real, order, weights_NK });
  const { served_NK } = dispatch;
  return {
    y:
      c.dispatch === "dense"
        ? denseExperts(x_ND, { ...serving, served_NK }, experts)
        : dispatchedExperts(x_ND, serving, { dispatch, experts }),
    served_NK,
  };
}

/** Of each token, the weight of its choices that give back their input: [N, 1]. */
const zeroWeight = ({ weights_NK, chosen_NKE }: Routing, experts: number): Tensor =>
  weights_NK.mul(chosen_NKE.slice(-1, experts).sum(-1)).sum(-1, true);

function sharedExpert(x: Tensor, c: C, p: P): Tensor {
  const gate = p.sharedGate && linear(x, p.sharedGate);
  const y = linear(hiddenUnit(linear(x, p.sharedUp!), gate, unitOf(c)), p.sharedDown!);
  return p.sharedMix ? y.mul(linear(x, p.sharedMix).sigmoid()) : y;
}
