/** What a text already holds, made less likely or impossible: pure functions from scores to scores. */
import { forbid } from "./constraints.ts";
import type { Logits } from "./softmax.ts";

/**
 * Makes ids that occurred already less likely, once however often they did: s / penalty where s > 0, s · penalty where
 * s < 0 (Keskar et al. 2019, arXiv 1909.05858, section 4.1, extended to negative scores). Below 1 it makes them likelier.
 */
export function penaliseRepetition(logits: Logits, penalty: number, ids: Iterable<number>): Float64Array {
  const penalised = Float64Array.from(logits);
  for (const id of new Set(ids)) penalised[id] = logits[id]! < 0 ? logits[id]! * penalty : logits[id]! / penalty;
  return penalised;
}

/** Forbids what would complete, behind `ids`, an n-gram that stands in `seen` (Paulus et al. 2017, arXiv 1705.04304, section 2.5). */
export function forbidNgrams(
  logits: Logits,
  n: number,
  { ids, seen = ids }: { ids: ArrayLike<number>; seen?: ArrayLike<number> },
): Float64Array {
  if (ids.length < n - 1) return Float64Array.from(logits);
  const start = ids.length - (n - 1);
  const follows = (at: number) =>
    Array.from({ length: n - 1 }, (_, i) => seen[at + i] === ids[start + i]).every(Boolean);
  const places = Array.from({ length: Math.max(0, seen.length - n + 1) }, (_, at) => at).filter(follows);
  return forbid(
    logits,
    places.map((at) => seen[at + n - 1]!),
  );
}
