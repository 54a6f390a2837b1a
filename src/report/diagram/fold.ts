/** Folds a list of layers into what a reader would write: "Mamba-2 × 4", "(Mamba-2 × 2, attention) × 3". */

export type Fold<T> = { item: T; count: number } | { group: Fold<T>[]; count: number };

interface Run<T> {
  item: T;
  key: string;
  count: number;
}

/** Equal neighbours become one run; the longest pattern of runs that repeats becomes a group. */
export function fold<T>(items: readonly T[], keyOf: (item: T) => string): Fold<T>[] {
  return foldRuns(runsOf(items, keyOf));
}

/** Number of items that a fold stands for. */
export function foldedLength<T>(folds: readonly Fold<T>[]): number {
  return folds.reduce((sum, f) => sum + f.count * ("group" in f ? foldedLength(f.group) : 1), 0);
}

function runsOf<T>(items: readonly T[], keyOf: (item: T) => string): Run<T>[] {
  const runs: Run<T>[] = [];
  for (const item of items) {
    const key = keyOf(item);
    const last = runs.at(-1);
    if (last?.key === key) last.count += 1;
    else runs.push({ item, key, count: 1 });
  }
  return runs;
}

function foldRuns<T>(runs: readonly Run<T>[]): Fold<T>[] {
  const folds: Fold<T>[] = [];
  for (let at = 0; at < runs.length; ) {
    const { period, times } = bestPattern(runs, at);
    const group = runs.slice(at, at + period).map(({ item, count }) => ({ item, count }));
    if (times > 1) folds.push({ group, count: times });
    else folds.push(...group);
    at += period * times;
  }
  return folds;
}

/** The pattern of two or more runs starting here that covers most; the shorter one on a tie. */
function bestPattern<T>(runs: readonly Run<T>[], at: number): { period: number; times: number } {
  let best = { period: 1, times: 1 };
  for (let period = 2; at + 2 * period <= runs.length; period += 1) {
    let times = 1;
    while (repeats(runs, at, period, times)) times += 1;
    if (times > 1 && period * times > best.period * best.times) best = { period, times };
  }
  return best;
}

function repeats<T>(runs: readonly Run<T>[], at: number, period: number, times: number): boolean {
  const start = at + period * times;
  if (start + period > runs.length) return false;
  return runs.slice(start, start + period).every((run, i) => {
    const first = runs[at + i];
    return run.key === first?.key && run.count === first.count;
  });
}
