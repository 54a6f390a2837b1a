/** What shapes a distribution before a token is drawn from it: pure functions from scores to scores. Removed ids get −∞. */
import { descending, type Logits, softmax } from "./softmax.ts";

interface Keep {
  /** Ids that stay whatever their probability: the likeliest so many. */
  atLeast?: number;
}

/** s / temperature. */
export function temper(logits: Logits, temperature: number): Float64Array {
  return Float64Array.from(logits, (score) => score / temperature);
}

/** Keeps the k greatest scores and those equal to the k-th (Fan et al. 2018, arXiv 1805.04833, section 5.4). */
export function topK(logits: Logits, k: number, { atLeast = 1 }: Keep = {}): Float64Array {
  const order = descending(logits);
  const least = logits[order[Math.min(Math.max(k, atLeast), logits.length) - 1]!]!;
  return Float64Array.from(logits, (score) => (score < least ? Number.NEGATIVE_INFINITY : score));
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

/**
 * Makes ids that occurred already less likely, once however often they did: s / penalty where s > 0, s · penalty where
 * s < 0 (Keskar et al. 2019, arXiv 1909.05858, section 4.1, extended to negative scores).
 */
export function penaliseRepetition(logits: Logits, penalty: number, ids: Iterable<number>): Float64Array {
  const penalised = Float64Array.from(logits);
  for (const id of new Set(ids)) penalised[id] = logits[id]! < 0 ? logits[id]! * penalty : logits[id]! / penalty;
  return penalised;
}
