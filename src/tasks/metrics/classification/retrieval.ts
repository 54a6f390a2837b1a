/** Rankings of documents for queries: one row of relevances and one of scores a query. */
import { ratio, sum } from "./confusion.ts";
import { assertOrdered, meanOf } from "./labelled.ts";
import { assertRows, type Indicators } from "./multilabel.ts";

interface Rankings {
  /** Relevance of each document: 0 for none. */
  readonly relevance: Indicators;
  readonly scores: Indicators;
}

/** Mean over queries of 1 / rank of the first relevant document; 0 where there is none. Ties count against it. */
export function meanReciprocalRank(rankings: Rankings): number {
  return meanOf(rankedRelevance(rankings).map((ranked) => ratio(1, ranked.findIndex((gain) => gain > 0) + 1)));
}

/**
 * Mean over queries of the share of relevant documents among the first `k`; queries without any are left out (NaN where
 * all are). Ties count against it.
 */
export function recallAt(rankings: Rankings, { k }: { k: number }): number {
  const relevant = (gains: readonly number[]): number => gains.filter((gain) => gain > 0).length;
  const queries = rankedRelevance(rankings).filter((ranked) => relevant(ranked) > 0);
  return meanOf(queries.map((ranked) => relevant(ranked.slice(0, k)) / relevant(ranked)));
}

/** Relevances by falling score; of equal scores the less relevant comes first, so that a constant score wins nothing. */
function rankedRelevance({ relevance, scores }: Rankings): number[][] {
  assertRows("scores", scores, relevance);
  return relevance.map((gains, q) => {
    assertOrdered(`scores[${q}]`, scores[q]!);
    const documents = Array.from(gains, (gain, i) => ({ gain, score: scores[q]![i]! }));
    return documents.sort((a, b) => b.score - a.score || a.gain - b.gain).map(({ gain }) => gain);
  });
}

interface Cut {
  /** Only the first `k` documents count; default all. */
  readonly k?: number;
}

/** Discounted cumulative gain Σ relevance / log₂(rank + 1), mean over queries; tied documents share their ranks. */
export function discountedGain(rankings: Rankings, { k = Number.POSITIVE_INFINITY }: Cut = {}): number {
  return meanOf(gainsOf(rankings, k));
}

/** The gain over that of the best order (Järvelin & Kekäläinen 2002), mean over queries; 0 without a relevant one. */
export function normalisedDiscountedGain(rankings: Rankings, { k = Number.POSITIVE_INFINITY }: Cut = {}): number {
  const best = gainsOf({ relevance: rankings.relevance, scores: rankings.relevance }, k);
  return meanOf(gainsOf(rankings, k).map((gain, q) => ratio(gain, best[q]!)));
}

function gainsOf({ relevance, scores }: Rankings, k: number): number[] {
  assertRows("scores", scores, relevance);
  return relevance.map((gains, q) => {
    assertOrdered(`scores[${q}]`, scores[q]!);
    const order = Array.from(gains, (_, i) => i).sort((a, b) => scores[q]![b]! - scores[q]![a]!);
    return gainOf(groupTies(order, scores[q]!), gains, k);
  });
}

/** Documents of one score have the mean gain at each of their ranks. */
function gainOf(groups: readonly number[][], gains: ArrayLike<number>, k: number): number {
  let [rank, total] = [0, 0];
  for (const group of groups) {
    const gain = meanOf(group.map((document) => gains[document]!));
    const discounts = group.map((_, i) => (rank + i < k ? 1 / Math.log2(rank + i + 2) : 0));
    total += gain * sum(discounts);
    rank += group.length;
  }
  return total;
}

function groupTies(order: readonly number[], scores: ArrayLike<number>): number[][] {
  const groups: number[][] = [];
  for (const document of order) {
    const last = groups.at(-1);
    if (last && scores[last[0]!] === scores[document]) last.push(document);
    else groups.push([document]);
  }
  return groups;
}
