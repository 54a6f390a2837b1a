/** Ways to solve tasks of recall that know the rule, not the generator: what was read → what is right at its last place. */

/** The value that stands behind the first of the same key. */
export function recallAnswer(read: readonly number[]): number | undefined {
  const first = read.indexOf(read.at(-1)!);
  return first === read.length - 1 ? undefined : read[first + 1];
}

/** The value of the key among the pairs that begin the sequence. */
export function shownValue(read: readonly number[], pairs: number): number | undefined {
  const place = read.slice(0, 2 * pairs).findIndex((id, i) => i % 2 === 0 && id === read.at(-1));
  return place === -1 ? undefined : read[place + 1];
}

/** What followed the last earlier place that ends in the same `size` ids. */
export function afterLastSuffix(read: readonly number[], size: number): number | undefined {
  const suffix = read.slice(-size).join();
  for (let end = read.length - 1; end >= size; end--)
    if (read.slice(end - size, end).join() === suffix) return read[end];
  return undefined;
}

/** The next token of the value that belongs to the last motif of key tokens: ids below `keys`, values behind them. */
export function fuzzyAnswer(
  read: readonly number[],
  { keys, values }: { keys: number; values: number },
): number | undefined {
  const letters = read.map((id) => (id < keys ? "k" : id < keys + values ? "v" : "-")).join("");
  const motifs = [...letters.matchAll(/(k+)(v*)/g)].map(({ 0: all, 1: key, index }) => ({
    key: read.slice(index, index + key!.length).join(),
    value: read.slice(index + key!.length, index + all.length),
  }));
  const asked = motifs.pop()!;
  return motifs.find(({ key }) => key === asked.key)?.value[asked.value.length];
}

/** The word of the shown point with the least distance to the last one; points are ids behind `words` and the separator. */
export function nearestAnswer(
  read: readonly number[],
  { words, side }: { words: number; side: number },
): number | undefined {
  const pointOf = (id: number) => [Math.floor((id - words - 1) / side), (id - words - 1) % side] as const;
  const [row, column] = pointOf(read.at(-1)!);
  const pairs = Array.from({ length: read.indexOf(words) / 2 }, (_, i) => {
    const [r, c] = pointOf(read[2 * i]!);
    return { word: read[2 * i + 1]!, distance: Math.max(Math.abs(r - row), Math.abs(c - column)) };
  });
  return pairs.sort((a, b) => a.distance - b.distance)[0]?.word;
}
