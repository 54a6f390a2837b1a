/** BLEU from counts: Papineni et al. 2002; smoothings: Chen & Cherry 2014 (W14-3346), as sacreBLEU 2.6 has them. */

/** What is done where an order has no match. `value` is added to or stands for the count. */
export type BleuSmoothing =
  | { readonly kind: "none" }
  | { readonly kind: "exp" }
  | { readonly kind: "floor"; readonly value?: number }
  | { readonly kind: "add-k"; readonly value?: number };

/** Values of the paper, used where none is given. */
export const smoothingDefaults = { floor: 0.1, "add-k": 1 } as const;

/** Counts pooled over segments; lists are by order, from 1. */
export interface BleuCounts {
  readonly matches: readonly number[];
  readonly totals: readonly number[];
  readonly hypothesisWords: number;
  readonly referenceWords: number;
}

export interface BleuScore extends BleuCounts {
  /** 0 to 100. */
  readonly score: number;
  /** In percent, by order. */
  readonly precisions: readonly number[];
  readonly brevityPenalty: number;
}

interface Options {
  smoothing: BleuSmoothing;
  /** Averages only the orders that the hypothesis is long enough to have. */
  effectiveOrder: boolean;
}

// Stands for log 0, so that one zero precision makes the score 0 without making it NaN.
const logOfZero = -9999999999;

/**
 * 100 · BP · exp(mean of log precisions), BP = min(1, e^(1 − reference words / hypothesis words)).
 * With add-k, the counts returned are those after the addition.
 */
export function bleuFromCounts(counts: BleuCounts, options: Options): BleuScore {
  const brevityPenalty = brevity(counts);
  if (counts.matches.every((count) => count === 0))
    return { ...counts, score: 0, precisions: counts.matches.map(() => 0), brevityPenalty };
  const { orders, ...smoothed } = smooth(counts, options.smoothing);
  const averaged = options.effectiveOrder ? orders : counts.matches.length;
  const logs = smoothed.precisions.slice(0, averaged).map((p) => (p === 0 ? logOfZero : Math.log(p)));
  const score = brevityPenalty * Math.exp(logs.reduce((sum, log) => sum + log, 0) / averaged);
  return { ...counts, ...smoothed, score, brevityPenalty };
}

function brevity({ hypothesisWords, referenceWords }: BleuCounts): number {
  if (hypothesisWords >= referenceWords) return 1;
  return hypothesisWords === 0 ? 0 : Math.exp(1 - referenceWords / hypothesisWords);
}

/** Precisions in percent. Orders are walked from 1 up to the first that has no n-grams at all. */
function smooth(counts: BleuCounts, smoothing: BleuSmoothing) {
  const matches = [...counts.matches];
  const totals = [...counts.totals];
  const precisions = matches.map(() => 0);
  let zeros = 0;
  let orders = 0;
  for (; orders < matches.length; orders++) {
    if (smoothing.kind === "add-k" && orders > 0) {
      matches[orders]! += smoothing.value ?? smoothingDefaults["add-k"];
      totals[orders]! += smoothing.value ?? smoothingDefaults["add-k"];
    }
    if (totals[orders] === 0) break;
    if (matches[orders] === 0) zeros++;
    precisions[orders] = (100 * countOf(matches[orders]!, smoothing, zeros)) / totals[orders]!;
  }
  return { matches, totals, precisions, orders };
}

/** The count that enters a precision; `zeros` orders so far, this one included, have no match. */
function countOf(matches: number, smoothing: BleuSmoothing, zeros: number): number {
  if (matches > 0) return matches;
  if (smoothing.kind === "exp") return 2 ** -zeros;
  return smoothing.kind === "floor" ? (smoothing.value ?? smoothingDefaults.floor) : 0;
}
