/** A binary heap of pairs: the most frequent first; of equals the one with the smaller key. */
export interface CountedPair {
  key: number;
  count: number;
}

const isBefore = (a: CountedPair, b: CountedPair): boolean =>
  a.count > b.count || (a.count === b.count && a.key < b.key);

export class PairHeap {
  readonly #pairs: CountedPair[] = [];

  push(pair: CountedPair): void {
    const pairs = this.#pairs;
    let at = pairs.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(pair, pairs[parent]!)) break;
      pairs[at] = pairs[parent]!;
      at = parent;
    }
    pairs[at] = pair;
  }

  pop(): CountedPair | undefined {
    const pairs = this.#pairs;
    const first = pairs[0];
    const last = pairs.pop();
    if (last && pairs.length > 0) this.#sinkFromTop(last);
    return first;
  }

  #sinkFromTop(pair: CountedPair): void {
    const pairs = this.#pairs;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child + 1 < pairs.length && isBefore(pairs[child + 1]!, pairs[child]!)) child++;
      if (child >= pairs.length || !isBefore(pairs[child]!, pair)) break;
      pairs[at] = pairs[child]!;
      at = child;
    }
    pairs[at] = pair;
  }
}
