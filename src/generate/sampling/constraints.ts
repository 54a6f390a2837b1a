/** What may, must or should come next: pure functions from scores to scores. */
import type { Logits } from "./softmax.ts";

/** Makes ids impossible. */
export function forbid(logits: Logits, ids: Iterable<number>): Float64Array {
  const allowed = Float64Array.from(logits);
  for (const id of ids) allowed[id] = Number.NEGATIVE_INFINITY;
  return allowed;
}

/** Makes all other ids impossible, these equally likely. */
export function force(logits: Logits, ids: Iterable<number>): Float64Array {
  const forced = new Float64Array(logits.length).fill(Number.NEGATIVE_INFINITY);
  for (const id of ids) forced[id] = 0;
  return forced;
}

/** Ids in a row, and what is added to the score of the last where the others have just been written. */
export interface SequenceBias {
  ids: readonly number[];
  bias: number;
}

/** Adds the biases of all sequences that the next id would complete; a bias of −∞ forbids. */
export function biasSequences(
  logits: Logits,
  biases: readonly SequenceBias[],
  written: ArrayLike<number>,
): Float64Array {
  const biased = Float64Array.from(logits);
  for (const { ids, bias } of biases) if (endsWith(written, ids.slice(0, -1))) biased[ids.at(-1)!]! += bias;
  return biased;
}

function endsWith(written: ArrayLike<number>, ending: readonly number[]): boolean {
  const start = written.length - ending.length;
  return start >= 0 && ending.every((id, i) => written[start + i] === id);
}

/** Lets the text end more readily the longer it is: s + |s|·(factor^excess − 1) at the ids that end it. */
export function hastenEnd(
  logits: Logits,
  { excess, factor, end }: { excess: number; factor: number; end: Iterable<number> },
): Float64Array {
  const hastened = Float64Array.from(logits);
  if (excess > 0) for (const id of end) hastened[id]! += Math.abs(logits[id]!) * (factor ** excess - 1);
  return hastened;
}

const largestF32 = (2 - 2 ** -23) * 2 ** 127;

/** NaN becomes 0, an infinity the f32 number nearest to it. */
export function replaceNonFinite(logits: Logits): Float64Array {
  return Float64Array.from(logits, (score) =>
    Number.isNaN(score) ? 0 : Math.min(Math.max(score, -largestF32), largestF32),
  );
}

/** Classifier-free guidance: u + scale · (c − u), c with and u without the condition (Copet et al. 2023, arXiv 2306.05284). */
export function guide(conditional: Logits, unconditional: Logits, scale: number): Float64Array {
  return Float64Array.from(conditional, (c, id) => unconditional[id]! + scale * (c - unconditional[id]!));
}
