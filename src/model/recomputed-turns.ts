/**
 * Streams whose sublayers can be undone keep nothing of them for the gradient (Gomez et al. 2017, algorithm 1): the backward
 * pass goes from the last streams down, computes what each sublayer read from what it left, and its activations anew.
 */
import type { Streams } from "../blocks/index.ts";
import { gated, gateOf, vjp } from "../grad/index.ts";
import { customGradient, rewrite, type Tensor, topological } from "../tensor/index.ts";

/** A sublayer's turn at several streams, as it was recorded. */
export interface RecordedTurn {
  /** The streams [..., S, D], and what the sublayer read of them. */
  before: Tensor;
  input: Tensor;
  output: Tensor;
  /** The streams again. */
  after: Tensor;
}

type Undo = NonNullable<Streams["undo"]>;

/**
 * The last streams, with the gradient described above. Undefined where a turn does not begin with what the one before it left, or
 * reads something else of earlier turns.
 */
export function recomputedTurns(turns: readonly RecordedTurn[], undo: Undo): Tensor | undefined {
  const [start, end] = [turns[0]?.before, turns.at(-1)?.after];
  if (start === undefined || end === undefined || !turns.every((turn, i) => isAlone(turn, turns[i - 1], start)))
    return undefined;
  const others = besides(end, start);
  return customGradient([start, ...others], {
    forward: (inputs) => rewrite([end], new Map([start, ...others].map((t, i) => [t, inputs[i]!])))[0]!,
    backward: ({ inputs, y, g }) => {
      const back = new Back({ recorded: others, given: inputs.slice(1), undo }, { after: y, g });
      for (const turn of turns.toReversed()) back.pull(turn);
      return back.results();
    },
  });
}

/** Leaves, and what was recorded before the first turn. */
const isOutside = ({ node }: Tensor, start: Tensor): boolean =>
  node.op === "input" || (node.id <= start.node.id && node.op !== "constant");

function isAlone(turn: RecordedTurn, previous: RecordedTurn | undefined, start: Tensor): boolean {
  if (previous && previous.after !== turn.before) return false;
  const first = turn.before.node.id;
  const ends = { has: (t: Tensor) => t === turn.input || isOutside(t, start) };
  return topological([turn.output], ends).every(({ op, id }) => op === "constant" || id > first);
}

/** What turns read beside the streams. */
function besides(end: Tensor, start: Tensor): Tensor[] {
  const nodes = topological([end], { has: (t) => isOutside(t, start) });
  return [...new Set(nodes.flatMap(({ inputs }) => inputs.filter((t) => t !== start && isOutside(t, start))))];
}

interface Sources {
  /** What the recorded turns read beside the streams, and what now stands for it. */
  recorded: readonly Tensor[];
  given: readonly Tensor[];
  undo: Undo;
}

/** The backward pass. What a turn computes anew is gated by all gradients of the turn above: no engine begins it earlier. */
class Back {
  private readonly sources: Sources;
  private readonly sums: (Tensor | undefined)[];
  /** Streams behind the next turn, and the gradient by them. */
  private after: Tensor;
  private g: Tensor;
  private gate: Tensor;

  constructor(sources: Sources, { after, g }: { after: Tensor; g: Tensor }) {
    this.sources = sources;
    this.after = after;
    this.g = g;
    this.gate = gateOf([g]);
    this.sums = sources.given.map(() => undefined);
  }

  results(): (Tensor | undefined)[] {
    return [this.g, ...this.sums];
  }

  pull(turn: RecordedTurn): void {
    const { recorded, given, undo } = this.sources;
    const others = given.map((t) => this.open(t));
    const anew = (t: Tensor, replaced: readonly [Tensor, Tensor][]) =>
      rewrite([t], new Map([...replaced, ...recorded.map((one, i): [Tensor, Tensor] => [one, others[i]!])]))[0]!;
    const undone = undo(gated(this.after, this.gate));
    const output = anew(turn.output, [[turn.input, undone.input]]);
    const before = undone.before(output);
    const after = anew(turn.after, [
      [turn.before, before],
      [turn.output, output],
    ]);
    const [direct, gOutput, ...written] = pullback(after, this.g, [before, output, ...others]);
    const [gInput, ...inside] = gOutput ? pullback(output, gOutput, [undone.input, ...others]) : [];
    const [read] = gInput ? pullback(anew(turn.input, [[turn.before, before]]), gInput, [before]) : [];
    this.after = before;
    this.g = total(direct, read) ?? this.g.mul(0);
    const added = others.map((_, i) => total(written[i], inside[i]));
    for (const [i, one] of added.entries()) this.sums[i] = total(this.sums[i], one);
    this.gate = gateOf([this.g, ...added.filter((one) => one !== undefined && one.size > 0)] as Tensor[]);
  }

  /** Parameters lie in memory anyhow; draws, masks and what was computed of an encoder's output would else be kept. */
  private open(t: Tensor): Tensor {
    return t.node.op === "input" && t.dtype === "f32" ? t : gated(t, this.gate);
  }
}

const pullback = (y: Tensor, g: Tensor, wrt: readonly Tensor[]) => vjp([y], [g], wrt, wrt);

const total = (a: Tensor | undefined, b: Tensor | undefined): Tensor | undefined => (a && b ? a.add(b) : (a ?? b));
