/** What counts of short contexts predict of a text: the baseline that a language model is held against. */

export interface NgramText {
  train: Int32Array;
  validation: Int32Array;
  /** Ids are 0 … vocabulary − 1. */
  vocabulary: number;
}

/**
 * Bits an id of the validation text by n-grams of the training text, for contexts of 0, 1 … `order` ids: Witten & Bell 1991, each
 * context mixed with the shorter one by the number of different ids that followed it, the shortest with a uniform guess. The
 * first `order` ids are left out of every mean.
 */
export function ngramBits({ train, validation, vocabulary }: NgramText, order: number): number[] {
  const tables = Array.from({ length: order + 1 }, (_, n) => countsOf(train, n));
  const bits = new Array<number>(order + 1).fill(0);
  for (let at = order; at < validation.length; at++) {
    let prob = 1 / vocabulary;
    for (const [n, table] of tables.entries()) {
      prob = mixed(table.get(keyOf(validation, at, n)), validation[at]!, prob);
      bits[n]! -= Math.log2(prob);
    }
  }
  return bits.map((sum) => sum / (validation.length - order));
}

interface Followers {
  total: number;
  counts: Map<number, number>;
}

function countsOf(ids: Int32Array, n: number): Map<string, Followers> {
  const table = new Map<string, Followers>();
  for (let at = n; at < ids.length; at++) {
    const key = keyOf(ids, at, n);
    const followers = table.get(key) ?? { total: 0, counts: new Map<number, number>() };
    table.set(key, followers);
    followers.total++;
    followers.counts.set(ids[at]!, (followers.counts.get(ids[at]!) ?? 0) + 1);
  }
  return table;
}

const keyOf = (ids: Int32Array, at: number, n: number): string => ids.subarray(at - n, at).join();

function mixed(followers: Followers | undefined, id: number, shorter: number): number {
  if (followers === undefined) return shorter;
  const kinds = followers.counts.size;
  return ((followers.counts.get(id) ?? 0) + kinds * shorter) / (followers.total + kinds);
}
