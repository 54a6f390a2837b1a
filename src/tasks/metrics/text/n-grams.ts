/** Counted n-grams: consecutive words or characters, each with how often it occurs. */
export type NGramCounts = ReadonlyMap<string, number>;

/** Counts the n-grams of one order. Words are joined by `joint`, which must not occur in them. */
export function countNGrams(items: readonly string[], { order, joint }: { order: number; joint: string }): NGramCounts {
  const counts = new Map<string, number>();
  for (let i = 0; i + order <= items.length; i++) {
    const gram = items.slice(i, i + order).join(joint);
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

/** How many n-grams two texts share, each counted at most as often as it occurs in either. */
export function countMatches(a: NGramCounts, b: NGramCounts): number {
  let matches = 0;
  for (const [gram, count] of a) matches += Math.min(count, b.get(gram) ?? 0);
  return matches;
}

/** How many n-grams a sequence of `length` items has. */
export const nGramsOf = (length: number, order: number): number => Math.max(0, length - order + 1);
