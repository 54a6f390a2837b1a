/**
 * Attention whose gradient computes the scores of each block of queries anew (Dao et al. 2022, section 3.1), one block behind
 * the other, so that a training step keeps what grows with the length, not with its square.
 * Axes: B batch, H query heads, G key heads, T time, K key width, V value width.
 */
import { gated, gateOf, vjp } from "../grad/index.ts";
import { concat, customGradient, input, rewrite, type Tensor, topological } from "../tensor/index.ts";
import type { Span } from "./attention-mask.ts";

/** Queries, and the keys and values that they look at. */
export interface Parts {
  q_BHTK: Tensor;
  k_BGTK: Tensor;
  v_BGTV: Tensor;
}

/** Which queries a block holds and which keys it looks at. */
export interface Block {
  queries: Span;
  keys: Span;
}

interface Blocks {
  /** In the order of time; none looks less far ahead than the one before. */
  blocks: readonly Block[];
  /**
   * Those of the backward pass. ONNX Runtime keeps a buffer from one use of its shape to the next: with other numbers of queries
   * than `blocks` have, no buffer lives from the forward to the backward pass.
   */
  again: readonly Block[];
  /** Output [B, H, queries, V] of a block; it may read other tensors too, which get their gradients. */
  attend(parts: Parts, block: Block): Tensor;
}

/** A block as it was recorded. */
interface Recorded extends Block {
  parts: Parts;
  y: Tensor;
}

/** The outputs of all blocks along the axis of time. */
export function recomputedBlocks(whole: Parts, { blocks, again, attend }: Blocks): Tensor {
  const first = input("", []).node.id;
  const record = (block: Block): Recorded => {
    const parts = partsOf(whole, block);
    return { ...block, parts, y: attend(parts, block) };
  };
  const [forward, recorded] = [blocks.map(record), again.map(record)];
  const y = concat(
    2,
    forward.map((block) => block.y),
  );
  const sources = [whole.q_BHTK, whole.k_BGTK, whole.v_BGTV, ...besides([...forward, ...recorded], first)];
  return customGradient(sources, {
    forward: (inputs) => rewrite([y], new Map(sources.map((t, i) => [t, inputs[i]!])))[0]!,
    backward({ inputs: [q_BHTK, k_BGTK, v_BGTV, ...others], g }) {
      const from = { whole: { q_BHTK: q_BHTK!, k_BGTK: k_BGTK!, v_BGTV: v_BGTV! }, others };
      return new Backward(from, sources.slice(3), g).run(recorded);
    },
  });
}

function partsOf({ q_BHTK, k_BGTK, v_BGTV }: Parts, { queries, keys }: Block): Parts {
  return {
    q_BHTK: q_BHTK.slice(2, queries.start, queries.end),
    k_BGTK: k_BGTK.slice(2, keys.start, keys.end),
    v_BGTV: v_BGTV.slice(2, keys.start, keys.end),
  };
}

/** What blocks read beside their parts: leaves, and what was recorded before them. */
function besides(recorded: readonly Recorded[], first: number): Tensor[] {
  const parts = new Set(recorded.flatMap(({ parts: { q_BHTK, k_BGTK, v_BGTV } }) => [q_BHTK, k_BGTK, v_BGTV]));
  const isOutside = ({ node }: Tensor) => node.op === "input" || (node.id < first && node.op !== "constant");
  const nodes = topological(
    recorded.map(({ y }) => y),
    { has: (t) => parts.has(t) || isOutside(t) },
  );
  return [...new Set(nodes.flatMap(({ inputs }) => inputs.filter((t) => !parts.has(t) && isOutside(t))))];
}

interface Sources {
  whole: Parts;
  others: readonly Tensor[];
}

/**
 * The backward pass, last block first. All that a block computes anew is gated by the gradients of the block before, so that no
 * engine begins it while that one's scores are alive.
 */
class Backward {
  private readonly from: Sources;
  /** What stands in the recorded blocks for `from.others`. */
  private readonly recordedOthers: readonly Tensor[];
  private readonly g: Tensor;
  private gate: Tensor;
  /** Keys and values up to where a block looks; cut from one another, so that none is one of the forward pass. */
  private k_BGTK: Tensor;
  private v_BGTV: Tensor;
  private readonly dq: Tensor[] = [];
  private readonly dk: RunningSum;
  private readonly dv: RunningSum;
  private readonly dOthers: (Tensor | undefined)[];

  constructor(from: Sources, recordedOthers: readonly Tensor[], g: Tensor) {
    this.from = from;
    this.recordedOthers = recordedOthers;
    this.g = g;
    this.gate = gateOf([g]);
    ({ k_BGTK: this.k_BGTK, v_BGTV: this.v_BGTV } = from.whole);
    this.dk = new RunningSum(this.k_BGTK.dim(2));
    this.dv = new RunningSum(this.v_BGTV.dim(2));
    this.dOthers = from.others.map(() => undefined);
  }

  run(recorded: readonly Recorded[]): (Tensor | undefined)[] {
    for (const block of recorded.toReversed()) this.pull(block);
    const dq = this.dq.length > 0 ? concat(2, this.dq.toReversed()) : undefined;
    return [dq, this.dk.total(), this.dv.total(), ...this.dOthers];
  }

  private pull({ queries, keys, parts, y }: Recorded): void {
    const open = (t: Tensor) => gated(t, this.gate);
    this.k_BGTK = open(this.k_BGTK.slice(2, 0, keys.end));
    this.v_BGTV = open(this.v_BGTV.slice(2, 0, keys.end));
    const leaves = [
      open(this.from.whole.q_BHTK.slice(2, queries.start, queries.end)),
      this.k_BGTK.slice(2, keys.start),
      this.v_BGTV.slice(2, keys.start),
      ...this.from.others.map(open),
    ];
    const before = [parts.q_BHTK, parts.k_BGTK, parts.v_BGTV, ...this.recordedOthers];
    const anew = rewrite([y], new Map(before.map((t, i) => [t, leaves[i]!])));
    const g = open(this.g.slice(2, queries.start, queries.end));
    this.add(vjp(anew, [g], leaves, leaves), keys);
  }

  private add([dq, dk, dv, ...others]: (Tensor | undefined)[], keys: Span): void {
    if (dq) this.dq.push(dq);
    this.dk.add(dk, keys);
    this.dv.add(dv, keys);
    for (const [i, d] of others.entries()) if (d) this.dOthers[i] = this.dOthers[i]?.add(d) ?? d;
    const results = [dq, this.dk.open, this.dv.open, ...this.dOthers].filter((t) => t !== undefined && t.size > 0);
    if (results.length > 0) this.gate = gateOf(results as Tensor[]);
  }
}

/** Σ of what blocks add to the keys that they look at, where no block looks beyond the end of the one added before. */
class RunningSum {
  /** Of the keys to which more may be added: from the first one on. */
  open: Tensor | undefined;
  private readonly finished: Tensor[] = [];
  private readonly length: number;

  constructor(length: number) {
    this.length = length;
  }

  add(part: Tensor | undefined, { start, end }: Span): void {
    if (part === undefined) return;
    const padded = part.pad(2, start, this.open ? 0 : this.length - end);
    if (this.open && this.open.dim(2) > end) {
      this.finished.unshift(this.open.slice(2, end));
      this.open = this.open.slice(2, 0, end);
    }
    this.open = this.open?.add(padded) ?? padded;
  }

  total(): Tensor | undefined {
    return this.open && concat(2, [this.open, ...this.finished]);
  }
}
