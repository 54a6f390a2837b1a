import type { NaiveTokensArguments } from "../../testing/index.ts";
import { affine, naiveActivations } from "./activations-naive.ts";
import type { MoeConfig } from "./moe-options.ts";

interface Net {
  gate?: number[][] | undefined;
  up: number[][];
  down: number[][];
  gateBias?: number[] | undefined;
  upBias?: number[] | undefined;
  downBias?: number[] | undefined;
}

type Weights = { router: number[][]; up: number[][][]; down: number[][][]; gate?: number[][][] } & Partial<
  Record<"gateBias" | "upBias" | "downBias" | "sharedGate" | "sharedUp" | "sharedDown" | "sharedMix", number[][]>
> &
  Partial<Record<"routerBias" | "routerNormGain" | "routerNormBias", number[]>>;

type Arguments = Pick<NaiveTokensArguments<MoeConfig, { E: number; K: number }>, "x" | "c" | "d"> & { p: Weights };

const sum = (values: readonly number[]) => values.reduce((total, v) => total + v, 0);
const mean = (values: readonly number[]) => sum(values) / values.length;
const softmax = (z: readonly number[]) => {
  const e = z.map((v) => Math.exp(v - Math.max(...z)));
  return e.map((v) => v / sum(e));
};

/** φ(gate) · up, cut off where there is a limit. */
function net(x: number[], { gate, up, down, gateBias, upBias, downBias }: Net, c: MoeConfig): number[] {
  const act = naiveActivations[c.activation];
  const limit = c.limit ?? Number.POSITIVE_INFINITY;
  const first = affine(x, up, upBias);
  if (!gate) return affine(first.map(act), down, downBias);
  const open = affine(x, gate, gateBias).map((v) => act(Math.min(limit, v)));
  const hidden = first.map((v, i) => open[i]! * (Math.min(limit, Math.max(-limit, v)) + c.upOffset));
  return affine(hidden, down, downBias);
}

interface Choice {
  expert: number;
  weight: number;
}
interface Token {
  logits: number[];
  probs: number[];
  chosen: Choice[];
}

/** One sequence after another, one token after another. */
export function naiveMoe({ x, p, c, d: { E, K } }: Arguments) {
  const routed = x.map((row) => row.map((token) => choose(affine(normed(token, p), p.router, p.routerBias), { K, c })));
  const y = x.map((row, b) => {
    const served = servedOf(routed[b]!, { E, K, c });
    return row.map((token, t) => {
      const parts = routed[b]![t]!.chosen.flatMap((choice, k) => {
        if (choice.expert >= E) return [token.map((v) => choice.weight * v)];
        return served.has(`${t}:${k}`) ? [expertOf(token, choice, { p, c })] : [];
      });
      return sharedOf(token, p, c).map((v, i) => v + sum(parts.map((part) => part[i]!)));
    });
  });
  return {
    y,
    losses: { ...lossesOf(routed.flat(), c), ...(c.entropyWeight && { concentration: concentration(routed) }) },
  };
}

/** Minus the entropy of each sequence's mean choice. */
function concentration(sequences: readonly (readonly Token[])[]): number {
  const likely = (row: readonly Token[]) => {
    const probs = row.map(({ logits }) => softmax(logits));
    return probs[0]!.map((_, e) => mean(probs.map((p) => p[e]!)));
  };
  return -mean(sequences.map((row) => entropy(likely(row))));
}

function normed(token: number[], { routerNormGain, routerNormBias }: Weights): number[] {
  if (!routerNormGain || !routerNormBias) return token;
  const centred = token.map((v) => v - mean(token));
  const root = Math.sqrt(mean(centred.map((v) => v * v)) + 1e-5);
  return centred.map((v, i) => (v / root) * routerNormGain[i]! + routerNormBias[i]!);
}

function expertOf(token: number[], { expert, weight }: Choice, { p, c }: { p: Weights; c: MoeConfig }): number[] {
  const weights: Net = {
    gate: p.gate?.[expert],
    up: p.up[expert]!,
    down: p.down[expert]!,
    gateBias: p.gateBias?.[expert],
    upBias: p.upBias?.[expert],
    downBias: p.downBias?.[expert],
  };
  if (c.weighting !== "input") return net(token, weights, c).map((v) => weight * v);
  return net(
    token.map((v) => weight * v),
    weights,
    c,
  );
}

/** Choices "token:choice" that find a place, taken in the order of the config. */
function servedOf(tokens: readonly Token[], { E, K, c }: { E: number; K: number; c: MoeConfig }): Set<string> {
  const capacity =
    c.capacityFactor === null ? Number.POSITIVE_INFINITY : Math.ceil(((tokens.length * K) / E) * c.capacityFactor);
  const taken = new Array<number>(E + c.zeroExperts).fill(0);
  const served = new Set<string>();
  for (const [t, k] of queueOf(tokens, K, c)) {
    const { expert } = tokens[t]!.chosen[k]!;
    if (taken[expert]!++ < capacity) served.add(`${t}:${k}`);
  }
  return served;
}

function queueOf(tokens: readonly Token[], K: number, { order }: MoeConfig): [number, number][] {
  const times = tokens.map((_, t) => t);
  const choices = Array.from({ length: K }, (_, k) => k);
  if (order === "tokens") return times.flatMap((t) => choices.map((k): [number, number] => [t, k]));
  const greatest = (t: number) => Math.max(...tokens[t]!.chosen.map(({ weight }) => weight));
  if (order === "priority") times.sort((s, t) => greatest(t) - greatest(s));
  return choices.flatMap((k) => times.map((t): [number, number] => [t, k]));
}

function choose(logits: number[], { K, c }: { K: number; c: MoeConfig }): Token {
  const scores = c.routing.includes("sigmoid") ? logits.map((v) => 1 / (1 + Math.exp(-v))) : softmax(logits);
  const probs = scores.map((v) => v / sum(scores));
  const order = allowed(scores, c)
    .sort((a, b) => scores[b]! - scores[a]!)
    .slice(0, K);
  const own = c.routing.endsWith("renormalise") || c.routing === "noisy-topk";
  const factor = c.scale / (own ? sum(order.map((e) => scores[e]!)) : 1);
  return { logits, probs, chosen: order.map((expert) => ({ expert, weight: scores[expert]! * factor })) };
}

/** Experts of the best groups. */
function allowed(scores: number[], { groups, keptGroups, groupScore }: MoeConfig): number[] {
  const members = scores.length / groups;
  const best = Array.from({ length: groups }, (_, g) => {
    const own = scores.slice(g * members, (g + 1) * members).sort((a, b) => b - a);
    return { g, score: sum(own.slice(0, groupScore === "largest" ? 1 : 2)) };
  }).sort((a, b) => b.score - a.score);
  const kept = new Set(best.slice(0, keptGroups).map(({ g }) => g));
  return scores.map((_, e) => e).filter((e) => kept.has(Math.floor(e / members)));
}

function sharedOf(token: number[], p: Weights, c: MoeConfig): number[] {
  if (!p.sharedUp) return token.map(() => 0);
  const y = net(token, { gate: p.sharedGate, up: p.sharedUp, down: p.sharedDown! }, c);
  const mix = p.sharedMix ? 1 / (1 + Math.exp(-affine(token, p.sharedMix)[0]!)) : 1;
  return y.map((v) => v * mix);
}

const entropy = (p: readonly number[]) => -sum(p.map((v) => v * Math.log(v)));

function lossesOf(tokens: readonly Token[], c: MoeConfig): Record<string, number> {
  const experts = tokens[0]!.probs.map((_, e) => e);
  const likely = experts.map((e) => mean(tokens.map(({ probs }) => probs[e]!)));
  const share = (e: number) =>
    mean(tokens.map(({ chosen }) => chosen.filter(({ expert }) => expert === e).length)) * likely[e]!;
  const z = mean(tokens.map(({ logits }) => Math.log(sum(logits.map(Math.exp))) ** 2));
  const information = entropy(likely) - mean(tokens.map(({ probs }) => entropy(probs)));
  return {
    ...(c.balanceWeight > 0 && c.routing === "noisy-topk" && { importance: importanceOf(tokens, experts) }),
    ...(c.balanceWeight > 0 && c.routing !== "noisy-topk" && { balance: experts.length * sum(experts.map(share)) }),
    ...(c.zWeight > 0 && { z }),
    ...(c.informationWeight > 0 && { information: -information }),
  };
}

/** Squared coefficient of variation of the experts' summed weights. */
function importanceOf(tokens: readonly Token[], experts: readonly number[]): number {
  const importance = experts.map((e) =>
    sum(tokens.flatMap(({ chosen }) => chosen.filter(({ expert }) => expert === e).map(({ weight }) => weight))),
  );
  const centre = mean(importance);
  return mean(importance.map((v) => (v - centre) ** 2)) / (centre ** 2 + 1e-10);
}
