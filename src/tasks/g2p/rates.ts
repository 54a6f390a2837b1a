import { countEdits } from "../metrics/index.ts";

export interface G2pRates {
  /** Share of words whose answer is none of the listed pronunciations. */
  wordErrors: number;
  /** Edits to the nearest listed pronunciation, per phoneme of those. */
  phonemeErrors: number;
}

/** A word is right if any listed pronunciation matches; its phoneme errors count against the nearest one. Phonemes are ids. */
export function pronunciationRates(
  answers: readonly Int32Array[],
  listed: readonly (readonly Int32Array[])[],
): G2pRates {
  let [wrong, edits, phonemes] = [0, 0, 0];
  for (const [i, pronunciations] of listed.entries()) {
    const nearest = pronunciations
      .map((one) => ({ edits: editsBetween(one, answers[i]!), length: one.length }))
      .reduce((best, one) => (one.edits < best.edits ? one : best));
    if (nearest.edits > 0) wrong++;
    edits += nearest.edits;
    phonemes += nearest.length;
  }
  return { wordErrors: wrong / listed.length, phonemeErrors: edits / phonemes };
}

function editsBetween(reference: Int32Array, answer: Int32Array): number {
  const { substitutions, deletions, insertions } = countEdits(reference, answer);
  return substitutions + deletions + insertions;
}
