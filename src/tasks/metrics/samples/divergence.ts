/** How far a model's answers are from another's. Throws E_METRIC_INPUT. */
import { assertLength, assertSome, meanOf } from "../classification/labelled.ts";

/** Logits of one answer: any finite numbers, one a class. */
export type Logits = ArrayLike<number>;

/**
 * KL(full ‖ part) in nats, mean over the answers: what is lost where a part of a model (a circuit, a smaller or quantised model)
 * answers in the place of the whole (Conmy et al. 2023). 0 where both give the same probabilities.
 */
export function klDivergence({ full, part }: { full: readonly Logits[]; part: readonly Logits[] }): number {
  assertSome("full", full.length);
  assertLength("part", part.length, full.length);
  return meanOf(full.map((logits, i) => divergenceOf(logits, part[i]!)));
}

function divergenceOf(full: Logits, part: Logits): number {
  assertLength("part", part.length, full.length);
  const [p, q] = [logProbabilities(full), logProbabilities(part)];
  const sum = p.reduce((total, log, i) => total + Math.exp(log) * (log - q[i]!), 0);
  // Rounding alone can take it below 0 (Gibbs' inequality).
  return Math.max(0, sum);
}

function logProbabilities(logits: Logits): number[] {
  const values = Array.from(logits);
  const most = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const total = most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
  return values.map((value) => value - total);
}
