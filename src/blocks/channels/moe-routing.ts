/**
 * How a mixture of experts chooses, and the losses and buffers that keep its choices even.
 * Axes: N = B·T tokens, E experts, K choices.
 */
import {
  balanceLoss,
  choiceConcentration,
  evenBias,
  expertInformation,
  type NoisyRouting,
  type Routing,
  routeByScores,
  routeNoisyTopK,
  routerZLoss,
  routeTopK,
  sinkhornPlan,
  variation,
  withinGroups,
} from "../../ops/index.ts";
import { layerNorm, type Tensor } from "../../tensor/index.ts";
import type { AuxiliaryLoss, Io } from "../define.ts";
import { linear, value, type Weight } from "../weights/use.ts";

export const routings = [
  "softmax-topk-renormalise",
  "topk-of-softmax",
  "sigmoid-topk-renormalise",
  "topk-of-sigmoid",
  "noisy-topk",
  "sinkhorn",
] as const;

/** What of a mixture's options decides its choices. */
export interface RoutingOptions {
  routing: (typeof routings)[number];
  jitter: number;
  groups: number;
  keptGroups: number;
  groupScore: "largest" | "two-largest";
  biasSpeed: number;
  scale: number;
  balanceWeight: number;
  zWeight: number;
  informationWeight: number;
  entropyWeight?: number | undefined;
}

interface Router {
  c: RoutingOptions;
  k: number;
  p: { router: Weight; routerBias?: Weight; noise?: Weight; routerNormGain?: Weight; routerNormBias?: Weight };
  /** Offsets of experts when they are chosen, if load is evened by them. */
  bias_E: Tensor | undefined;
  io: Io;
  /** f32 [N], 0 at padding. */
  real: Tensor | undefined;
  /** Of as many tokens each (default: 1). */
  sequences?: number;
}

export interface Routed {
  routing: Routing;
  losses: AuxiliaryLoss[];
  buffers: Record<string, Tensor>;
  /** Share of all choices that went to each expert. */
  load_E: Tensor;
}

export function routeTokens(x_ND: Tensor, router: Router): Routed {
  const { c, p, bias_E, io, real } = router;
  const logits_NE = linear(jittered(normed(x_ND, p), c.jitter, io), p.router, p.routerBias);
  const chosen = choose(logits_NE, x_ND, router);
  const routing = c.scale === 1 ? chosen : { ...chosen, weights_NK: chosen.weights_NK.mul(c.scale) };
  const load_E = loadOf(routing, real);
  return {
    routing,
    losses: lossesOf(logits_NE, chosen, router),
    buffers: bias_E && io.mode === "train" ? { choiceBias: evenBias(bias_E, { load_E, speed: c.biasSpeed }) } : {},
    load_E,
  };
}

function choose(logits_NE: Tensor, x_ND: Tensor, router: Router): NoisyRouting {
  const { c, k, p, bias_E, io, real } = router;
  const train = io.mode === "train";
  if (c.routing === "noisy-topk") {
    const noise_NE = train ? io.rng("noise").normal(logits_NE.shape) : undefined;
    return routeNoisyTopK(logits_NE, { k, spread_NE: linear(x_ND, p.noise!).softplus(), noise_NE });
  }
  const renormalise = c.routing.endsWith("renormalise");
  const sigmoid = c.routing.includes("sigmoid");
  if (c.routing === "sinkhorn" && train)
    return routeByScores(logits_NE.softmax(-1), {
      k,
      renormalise: false,
      wanted_NE: sinkhornPlan(logits_NE, { turns: sinkhornTurns, real }),
    });
  if (!sigmoid && bias_E === undefined && c.groups === 1) return routeTopK(logits_NE, { k, renormalise });
  const scores_NE = sigmoid ? logits_NE.sigmoid() : logits_NE.softmax(-1);
  const biased_NE = bias_E ? scores_NE.add(bias_E) : scores_NE;
  const { groups, keptGroups: kept, groupScore: score } = c;
  const wanted_NE = groups > 1 ? withinGroups(biased_NE, { groups, kept, score }) : biased_NE;
  return routeByScores(scores_NE, { k, renormalise, wanted_NE });
}

/** Plans are even to about a per cent after so many. */
const sinkhornTurns = 8;

function normed(x: Tensor, { routerNormGain, routerNormBias }: Router["p"]): Tensor {
  return routerNormGain && routerNormBias ? layerNorm(x, value(routerNormGain), value(routerNormBias), 1e-5) : x;
}

function jittered(x: Tensor, jitter: number, io: Io): Tensor {
  if (jitter === 0 || io.mode === "eval") return x;
  const draw = io.rng("jitter").uniform(x.shape);
  return x.mul(draw.mul(2 * jitter).add(1 - jitter));
}

function lossesOf(logits_NE: Tensor, routing: NoisyRouting, { c, real, sequences = 1 }: Router): AuxiliaryLoss[] {
  const { probs_NE, chosen_NKE, weights_NK, likelihood_NE } = routing;
  const total = (t_NE: Tensor) => (real ? t_NE.mul(real.unsqueeze(-1)) : t_NE).sum(0);
  const weight = c.balanceWeight;
  const even: AuxiliaryLoss[] =
    c.routing === "noisy-topk"
      ? [
          { name: "importance", value: variation(total(weights_NK.unsqueeze(-1).mul(chosen_NKE).sum(1))), weight },
          ...(likelihood_NE ? [{ name: "load", value: variation(total(likelihood_NE)), weight }] : []),
        ]
      : [{ name: "balance", value: balanceLoss({ probs: probs_NE, chosen: chosen_NKE }, { real }), weight }];
  const z = { name: "z", value: routerZLoss(logits_NE, { real }), weight: c.zWeight };
  const known = {
    name: "information",
    value: expertInformation(probs_NE, { real }).neg(),
    weight: c.informationWeight,
  };
  const losses = [...even, z, known].filter(({ weight }) => weight > 0);
  return c.entropyWeight ? [...losses, concentration(logits_NE, { c, real, sequences })] : losses;
}

function concentration(
  logits_NE: Tensor,
  { c, real, sequences }: Pick<Router, "c" | "real"> & { sequences: number },
): AuxiliaryLoss {
  const probs_NE = logits_NE.softmax(-1);
  const samples = (real ? probs_NE.mul(real.unsqueeze(-1)) : probs_NE).reshape([sequences, -1, logits_NE.dim(-1)]);
  const pool = { samples, of: choiceConcentration };
  return { name: "concentration", value: choiceConcentration(samples), weight: c.entropyWeight ?? 0, pool };
}

function loadOf({ chosen_NKE }: Routing, real: Tensor | undefined): Tensor {
  const counted = real ? chosen_NKE.mul(real.reshape([-1, 1, 1])) : chosen_NKE;
  const count_E = counted.sum([0, 1]);
  return count_E.div(count_E.sum());
}
