/** Source and target of many examples as ids in flat memory: 4 bytes a token and 8 an example, whatever the texts' size was. */
import { fail } from "../tensor/error.ts";

/** Sequences of unequal length behind one another. */
export interface Ragged {
  count: number;
  /** Ids of sequence i, a view. */
  at(i: number): Int32Array;
  length(i: number): number;
}

export interface Pairs {
  count: number;
  source: Ragged;
  target: Ragged;
}

/** Takes in sequences one by one; memory doubles when full. */
export class RaggedBuilder {
  private ids = new Int32Array(1 << 16);
  private ends = new Float64Array(1 << 10);
  private count = 0;

  push(sequence: ArrayLike<number>): void {
    const start = this.count === 0 ? 0 : this.ends[this.count - 1]!;
    const end = start + sequence.length;
    if (end > this.ids.length) this.ids = grown(this.ids, new Int32Array(Math.max(end, 2 * this.ids.length)));
    if (this.count === this.ends.length) this.ends = grown(this.ends, new Float64Array(2 * this.count));
    this.ids.set(sequence, start);
    this.ends[this.count++] = end;
  }

  finish(): Ragged {
    const { ids, ends, count } = this;
    const start = (i: number) => (i === 0 ? 0 : ends[i - 1]!);
    return { count, at: (i) => ids.subarray(start(i), ends[i]), length: (i) => ends[i]! - start(i) };
  }
}

function grown<T extends Int32Array | Float64Array>(from: T, into: T): T {
  into.set(from);
  return into;
}

/** Pairs from encoded examples in order. Throws `E_PAIRS` where there are none, or one has an empty side. */
export async function collectPairs(
  examples: AsyncIterable<{ source: ArrayLike<number>; target: ArrayLike<number> }>,
  where: string,
): Promise<Pairs> {
  const [source, target] = [new RaggedBuilder(), new RaggedBuilder()];
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
