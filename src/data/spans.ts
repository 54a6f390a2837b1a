/**
 * Span corruption (Raffel et al. 2020, arXiv 1910.10683, section 3.1.4): spans of a text are left out; the source has a sentinel in
 * the place of each, the target each sentinel in front of what it stands for. Sentinels are ids from `sentinel` on, in order.
 */
import type { Rng } from "../ops/index.ts";
import { fail } from "../tensor/error.ts";

/** Ids start … end − 1. */
export interface Span {
  start: number;
  end: number;
}

export interface SpanOptions {
  /** Share of the ids that are left out, 0 … 1. */
  density: number;
  /** Mean ids of a span. */
  span: number;
  /** Most spans of a text. */
  sentinels: number;
}

/** How many ids of a text are left out, and in how many spans: the same for every text of a length. Throws E_SPANS. */
export function spanCounts(
  length: number,
  { density, span, sentinels }: SpanOptions,
): { noise: number; spans: number } {
  if (length < 2)
    fail({ code: "E_SPANS", where: "span corruption", expected: "texts of at least 2 tokens", got: `${length}` });
  const noise = Math.min(Math.max(Math.round(length * density), 1), length - 1);
  const spans = Math.min(Math.max(Math.round(noise / span), 1), length - noise);
  assertSentinels(spans, { length, sentinels });
  return { noise, spans };
}

/** Throws E_SPANS where a text has more spans than there are sentinels. */
export function assertSentinels(spans: number, { length, sentinels }: { length: number; sentinels: number }): void {
  if (spans <= sentinels) return;
  fail({
    code: "E_SPANS",
    where: "objective.sentinels",
    expected: `at least ${spans}, the spans of ${length} tokens`,
    got: String(sentinels),
    hint: "Raise it, or shorten the windows (--length).",
  });
}

/** Spans at random: kept and left-out stretches take turns, a kept one first, both cut at places drawn uniformly. */
export function randomSpans(length: number, options: SpanOptions, rng: Rng): Span[] {
  const { noise, spans } = spanCounts(length, options);
  const kept = randomParts(length - noise, spans, rng.fork("kept"));
  let start = 0;
  return randomParts(noise, spans, rng.fork("noise")).map((size, i) => {
    start += kept[i]! + size;
    return { start: start - size, end: start };
  });
}

/** Sizes, at least 1, of `parts` stretches of `total` items, all such sizes alike. */
function randomParts(total: number, parts: number, rng: Rng): number[] {
  const cuts = Array.from(rng.permutation(total - 1).subarray(0, parts - 1), (at) => at + 1).sort((a, b) => a - b);
  return [...cuts, total].map((cut, i) => cut - (cuts[i - 1] ?? 0));
}

/**
 * The group-th of `groups` corruptions which leave out every id of a text exactly once: stretches of `span` ids are dealt in turn.
 */
export function dealtSpans(
  length: number,
  { span, group, groups }: { span: number; group: number; groups: number },
): Span[] {
  const stretches = Array.from({ length: Math.ceil(length / span) }, (_, i) => i).filter((i) => i % groups === group);
  return stretches.map((i) => ({ start: i * span, end: Math.min(length, (i + 1) * span) }));
}

export interface Corrupted {
  source: Int32Array;
  target: Int32Array;
}

export function corrupt(ids: Int32Array, spans: readonly Span[], sentinel: number): Corrupted {
  const [source, target]: [number[], number[]] = [[], []];
  let at = 0;
  spans.forEach(({ start, end }, i) => {
    source.push(...ids.subarray(at, start), sentinel + i);
    target.push(sentinel + i, ...ids.subarray(start, end));
    at = end;
  });
  source.push(...ids.subarray(at));
  return { source: Int32Array.from(source), target: Int32Array.from(target) };
}

/** The text again: every sentinel of the source replaced by what the target has behind it. */
export function restore({ source, target }: Corrupted, sentinel: number): Int32Array {
  const filled = new Map<number, number[]>();
  let into: number[] = [];
  for (const id of target) {
    if (id < sentinel) into.push(id);
    else {
      into = [];
      filled.set(id, into);
    }
  }
  return Int32Array.from(Array.from(source).flatMap((id) => (id >= sentinel ? (filled.get(id) ?? []) : [id])));
}
