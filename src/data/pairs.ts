/** Source and target of many examples as ids: 8 bytes of memory an example, and what their store takes. */
import { fail } from "../tensor/error.ts";
import { type IdStore, IdsInMemory } from "./ids.ts";

/** Sequences of unequal length behind one another. */
export interface Ragged {
  count: number;
  /** Ids of sequence i, which are not to be written to. */
  at(i: number): Int32Array;
  length(i: number): number;
}

export interface Pairs {
  count: number;
  source: Ragged;
  target: Ragged;
}

/** Takes in sequences one by one. */
export class RaggedBuilder {
  private readonly ids: IdStore;
  private ends = new Float64Array(1 << 10);
  private count = 0;

  constructor(ids: IdStore = new IdsInMemory()) {
    this.ids = ids;
  }

  push(sequence: ArrayLike<number>): void {
    if (this.count === this.ends.length) {
      const larger = new Float64Array(2 * this.count);
      larger.set(this.ends);
      this.ends = larger;
    }
    this.ids.push(sequence);
    this.ends[this.count++] = this.ids.length;
  }

  finish(): Ragged {
    const { ids, ends, count } = this;
    const start = (i: number) => (i === 0 ? 0 : ends[i - 1]!);
    return { count, at: (i) => ids.read(start(i), ends[i]!), length: (i) => ends[i]! - start(i) };
  }
}

/** Pairs from encoded examples in order; `store` makes what holds a side's ids, memory by default. Throws `E_PAIRS` where there are none, or one has an empty side. */
export async function collectPairs(
  examples: AsyncIterable<{ source: ArrayLike<number>; target: ArrayLike<number> }>,
  where: string,
  store?: () => IdStore,
): Promise<Pairs> {
  const [source, target] = [new RaggedBuilder(store?.()), new RaggedBuilder(store?.())];
  let count = 0;
  for await (const example of examples) {
    count++;
    for (const side of ["source", "target"] as const)
      if (example[side].length === 0)
        fail({ code: "E_PAIRS", where: `${where}: example ${count}`, expected: `a ${side}`, got: "an empty one" });
    source.push(example.source);
    target.push(example.target);
  }
  if (count === 0) fail({ code: "E_PAIRS", where, expected: "at least one pair", got: "none" });
  return { count, source: source.finish(), target: target.finish() };
}
