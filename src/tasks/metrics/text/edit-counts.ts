/** An alignment of a hypothesis with a reference, counted. */
export interface EditCounts {
  readonly hits: number;
  readonly substitutions: number;
  readonly deletions: number;
  readonly insertions: number;
}

export const noEdits: EditCounts = { hits: 0, substitutions: 0, deletions: 0, insertions: 0 };

export const addEdits = (a: EditCounts, b: EditCounts): EditCounts => ({
  hits: a.hits + b.hits,
  substitutions: a.substitutions + b.substitutions,
  deletions: a.deletions + b.deletions,
  insertions: a.insertions + b.insertions,
});

/**
 * The fewest insertions, deletions and substitutions (Levenshtein 1966) that make the reference the hypothesis.
 * Of alignments as short, the one whose last edits are deletions first, then insertions, is counted, as rapidfuzz and
 * so jiwer do. Time reference · hypothesis, memory linear. Items are numbers: see `numberWords`.
 */
export function countEdits(reference: Int32Array, hypothesis: Int32Array): EditCounts {
  const { start, end } = sharedEnds(reference, hypothesis);
  const r = reference.subarray(start, reference.length - end);
  const h = hypothesis.subarray(start, hypothesis.length - end);
  const { distance, substitutions } = align(r, h);
  // distance = S + D + I, and D − I is the difference of the lengths.
  const deletions = (distance - substitutions + r.length - h.length) / 2;
  const hits = reference.length - substitutions - deletions;
  return { hits, substitutions, deletions, insertions: distance - substitutions - deletions };
}

function sharedEnds(a: Int32Array, b: Int32Array): { start: number; end: number } {
  const most = Math.min(a.length, b.length);
  let start = 0;
  while (start < most && a[start] === b[start]) start++;
  let end = 0;
  while (end < most - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  return { start, end };
}

/**
 * Which edit an alignment ends with is decided by the distances around a cell alone, so the substitutions of the chosen
 * alignment are carried along with them, one column of each at a time.
 */
function align(r: Int32Array, h: Int32Array): { distance: number; substitutions: number } {
  let distances = Int32Array.from({ length: r.length + 1 }, (_, i) => i);
  let counts = new Int32Array(r.length + 1);
  let [nextDistances, nextCounts] = [new Int32Array(r.length + 1), new Int32Array(r.length + 1)];
  for (let j = 1; j <= h.length; j++) {
    nextDistances[0] = j;
    for (let i = 1; i <= r.length; i++) {
      const aligned = distances[i - 1]! + (r[i - 1] === h[j - 1] ? 0 : 1);
      const least = Math.min(aligned, nextDistances[i - 1]! + 1, distances[i]! + 1);
      nextDistances[i] = least;
      if (least === nextDistances[i - 1]! + 1) nextCounts[i] = nextCounts[i - 1]!;
      else if (distances[i] === distances[i - 1]! - 1) nextCounts[i] = counts[i]!;
      else nextCounts[i] = counts[i - 1]! + (r[i - 1] === h[j - 1] ? 0 : 1);
    }
    [distances, nextDistances] = [nextDistances, distances];
    [counts, nextCounts] = [nextCounts, counts];
  }
  return { distance: distances[r.length]!, substitutions: counts[r.length]! };
}
