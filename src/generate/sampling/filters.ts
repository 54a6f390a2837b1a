/** Cuts of a distribution before a token is drawn from it: pure functions from scores to scores. Removed ids get −∞. */
import { descending, type Logits, softmax } from "./softmax.ts";

interface Keep {
  /** Ids that stay whatever their probability: the likeliest so many. */
  atLeast?: number;
}

/** Keeps these ids. */
export function keepOnly(logits: Logits, ids: Iterable<number>): Float64Array {
  const kept = new Float64Array(logits.length).fill(Number.NEGATIVE_INFINITY);
  for (const id of ids) kept[id] = logits[id]!;
  return kept;
}

/** s / temperature. */
export function temper(logits: Logits, temperature: number): Float64Array {
  return Float64Array.from(logits, (score) => score / temperature);
}

/** Keeps the k greatest scores and those equal to the k-th (Fan et al. 2018, arXiv 1805.04833, section 5.4). */
export function topK(logits: Logits, k: number, { atLeast = 1 }: Keep = {}): Float64Array {
  const least = kthScore(logits, Math.max(k, atLeast));
  return keepWhere(logits, (id) => !(logits[id]! < least));
}

/**
 * Nucleus (Holtzman et al. 2020, arXiv 1904.09751, section 3.1): the likeliest ids whose probabilities reach p. An id goes
 * where it and all less likely ones together have at most 1 − p.
 */
export function topP(logits: Logits, p: number, { atLeast = 1 }: Keep = {}): Float64Array {
  const probabilities = softmax(logits);
  const kept = Float64Array.from(logits);
  let tail = 0;
  for (const id of descending(logits).slice(atLeast).reverse()) {
    tail += probabilities[id]!;
    if (tail > 1 - p) break;
    kept[id] = Number.NEGATIVE_INFINITY;
  }
  return kept;
}

/** Keeps ids at least `ratio` times as likely as the likeliest (Nguyen et al. 2024, arXiv 2407.01082, section 3). */
export function minP(logits: Logits, ratio: number, { atLeast = 1 }: Keep = {}): Float64Array {
  const probabilities = softmax(logits);
  const order = descending(logits);
  const least = ratio * probabilities[order[0]!]!;
  const kept = Float64Array.from(logits);
  for (const id of order.slice(atLeast)) if (probabilities[id]! < least) kept[id] = Number.NEGATIVE_INFINITY;
  return kept;
}

/** Keeps ids of at least this probability (Hewitt et al. 2022, arXiv 2210.15191, section 4.1). */
export function cutBelow(logits: Logits, probability: number, { atLeast = 1 }: Keep = {}): Float64Array {
  const probabilities = softmax(logits);
  const safe = kthScore(logits, atLeast);
  return keepWhere(logits, (id) => probabilities[id]! >= probability || logits[id]! >= safe);
}

/** η-sampling: cuts below min(ε, √ε · e^−H), H the entropy in nats (Hewitt et al. 2022, arXiv 2210.15191, section 4.2). */
export function cutByEntropy(logits: Logits, epsilon: number, keep: Keep = {}): Float64Array {
  const H = entropy(softmax(logits));
  return cutBelow(logits, Math.min(epsilon, Math.sqrt(epsilon) * Math.exp(-H)), keep);
}

/**
 * Locally typical (Meister et al. 2022, arXiv 2202.00666, section 4): the fewest ids of probability `mass` among those whose
 * surprise −log p is nearest to the entropy.
 */
export function typical(logits: Logits, mass: number, { atLeast = 1 }: Keep = {}): Float64Array {
  const probabilities = softmax(logits);
  const H = entropy(probabilities);
  const strangeness = probabilities.map((p) => Math.abs(-Math.log(p) - H));
  const order = descending(strangeness.map((distance) => -distance));
  const most = strangeness[order[countBelow(order, probabilities, mass)]!]!;
  const kept = keepWhere(logits, (id) => strangeness[id]! <= most);
  for (const id of order.slice(0, atLeast)) kept[id] = logits[id]!;
  return kept;
}

/** How many of the ids, in this order, have a running sum below `mass`; at most all but one. */
function countBelow(order: readonly number[], probabilities: Float64Array, mass: number): number {
  let sum = 0;
  const reached = order.findIndex((id) => {
    sum += probabilities[id]!;
    return sum >= mass;
  });
  return reached === -1 ? order.length - 1 : reached;
}

const entropyIds = 100;

/**
 * Top-H (Baghaei Potraghloo et al. 2025, arXiv 2509.02510, algorithm 1): of the 100 likeliest ids, renormalised, those whose running
 * sum of −p log p stays within `share` of their entropy; the likeliest always.
 */
export function topH(logits: Logits, share: number): Float64Array {
  const order = descending(logits).slice(0, entropyIds);
  const probabilities = softmax(order.map((id) => logits[id]!));
  const most = share * entropy(probabilities);
  let sum = 0;
  const beyond = order.findIndex((_, rank) => {
    sum += surprise(probabilities[rank]!);
    return rank > 0 && sum > most;
  });
  return keepOnly(logits, beyond === -1 ? order : order.slice(0, beyond));
}

/** −p log p, 0 at 0. */
const surprise = (p: number): number => (p === 0 ? 0 : -p * Math.log(p));

const entropy = (probabilities: Float64Array): number => probabilities.reduce((sum, p) => sum + surprise(p), 0);

/** The k-th greatest score, the least one where there are fewer. */
function kthScore(logits: Logits, k: number): number {
  return logits[descending(logits)[Math.min(k, logits.length) - 1]!]!;
}

const keepWhere = (logits: Logits, kept: (id: number) => boolean): Float64Array =>
  Float64Array.from(logits, (score, id) => (kept(id) ? score : Number.NEGATIVE_INFINITY));
