import { fail } from "../../../tensor/error.ts";

/** Length of the longest common subsequence. Time |a|·|b|, memory |b|. Items are numbers: see `numberWords`. */
export function commonLength(a: Int32Array, b: Int32Array): number {
  const lengths = new Int32Array(b.length + 1);
  for (const item of a) extendRow(lengths, item, b);
  return lengths[b.length]!;
}

/** From the lengths for a prefix of `a` to those for one item more; `lengths[j]` is for the first j items of `b`. */
function extendRow(lengths: Int32Array, item: number, b: Int32Array): void {
  let diagonal = 0;
  for (let j = 1; j <= b.length; j++) {
    const above = lengths[j]!;
    lengths[j] = item === b[j - 1] ? diagonal + 1 : Math.max(above, lengths[j - 1]!);
    diagonal = above;
  }
}

/** Bytes that the table behind `commonPositions` may take. */
const largestTable = 2 ** 30;

/**
 * Positions in `a` of one longest common subsequence: read from the end, where neither end belongs to it, `b` is
 * shortened only if that keeps more (as rouge-score does). Throws E_SCORE_LONG beyond 2^30 pairs of items.
 */
export function commonPositions(a: Int32Array, b: Int32Array): number[] {
  const shortensB = directions(a, b);
  const positions: number[] = [];
  for (let [i, j] = [a.length, b.length]; i > 0 && j > 0; ) {
    if (a[i - 1] === b[j - 1]) {
      positions.push(i - 1);
      i--;
      j--;
    } else if (shortensB[(i - 1) * b.length + j - 1]) j--;
    else i--;
  }
  return positions.reverse();
}

function directions(a: Int32Array, b: Int32Array): Uint8Array {
  if (a.length * b.length > largestTable)
    fail({
      code: "E_SCORE_LONG",
      where: "rougeLsum",
      expected: "lines with at most 2^30 pairs of words",
      got: `lines of ${a.length} and ${b.length} words`,
      hint: "Break the text into lines, one sentence each.",
    });
  const table = new Uint8Array(a.length * b.length);
  const lengths = new Int32Array(b.length + 1);
  for (const [i, item] of a.entries()) {
    const above = lengths.slice();
    extendRow(lengths, item, b);
    for (let j = 0; j < b.length; j++) table[i * b.length + j] = lengths[j]! > above[j + 1]! ? 1 : 0;
  }
  return table;
}
