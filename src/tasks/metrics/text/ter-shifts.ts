/** Tercom's search for block shifts (Snover et al. 2006, section 3), with its limits and its order of preference. */
import { BandedEdits, type EditTrace } from "./banded-edits.ts";
import { numberWords } from "./words.ts";

const longestShift = 10;
const furthestShift = 50;
/** sacreBLEU's own limit on the shifts tried for one pair of segments. */
const mostCandidates = 1000;

interface Block {
  readonly start: number;
  readonly length: number;
  readonly target: number;
}

interface Shift extends Block {
  readonly gain: number;
  readonly words: Int32Array;
}

/** Least number of edits (insertions, deletions, substitutions, shifts of blocks) that tercom finds. */
export function terEdits(hypothesis: readonly string[], reference: readonly string[]): number {
  if (hypothesis.length === 0 || reference.length === 0) return hypothesis.length + reference.length;
  const [h, r] = numberWords([hypothesis, reference]) as [Int32Array, Int32Array];
  return new ShiftSearch(h, r).run();
}

class ShiftSearch {
  private words: Int32Array;
  private readonly reference: Int32Array;
  private readonly edits: BandedEdits;
  private tried = 0;

  constructor(words: Int32Array, reference: Int32Array) {
    this.words = words;
    this.reference = reference;
    this.edits = new BandedEdits(reference, words.length);
  }

  /** Shifts, each time the best, as long as that saves edits. */
  run(): number {
    let distance = this.edits.rebase(this.words);
    for (let shifts = 0; ; shifts++) {
      const best = this.bestShift(distance);
      if (this.tried >= mostCandidates || best === undefined || best.gain <= 0) return shifts + distance;
      this.words = best.words;
      distance = this.edits.rebase(this.words);
    }
  }

  private bestShift(distance: number): Shift | undefined {
    const trace = this.edits.trace(this.words);
    let best: Shift | undefined;
    for (const block of this.blocks(trace)) {
      for (const target of targets(block, trace.alignment)) {
        const shift = this.tryShift({ start: block.start, length: block.length, target }, distance);
        if (best === undefined || compareShifts(shift, best) > 0) best = shift;
      }
      if (this.tried >= mostCandidates) break;
    }
    return best;
  }

  private tryShift(block: Block, distance: number): Shift {
    this.tried++;
    const words = shiftWords(this.words, block);
    const shared = Math.min(block.start, block.target);
    return { ...block, words, gain: distance - this.edits.distance(words, shared) };
  }

  /** Equal blocks in both texts that stand wrong in both, and not already at their place. */
  private *blocks({ alignment, referenceErrors, hypothesisErrors }: EditTrace) {
    for (let start = 0; start < this.words.length; start++) {
      const last = Math.min(this.reference.length - 1, start + furthestShift);
      for (let place = Math.max(0, start - furthestShift); place <= last; place++) {
        let [wrongHere, wrongThere] = [false, false];
        for (let i = 0; i < longestShift && this.matches(start + i, place + i); i++) {
          wrongHere ||= hypothesisErrors[start + i] === 1;
          wrongThere ||= referenceErrors[place + i] === 1;
          const inside = alignment[place]! >= start && alignment[place]! <= start + i;
          if (wrongHere && wrongThere && !inside) yield { start, place, length: i + 1 };
        }
      }
    }
  }

  private matches(h: number, r: number): boolean {
    return h < this.words.length && r < this.reference.length && this.words[h] === this.reference[r];
  }
}

/** Places before which a block may be put: beside the words that the block's places in the reference are aligned to. */
function targets({ place, length }: { place: number; length: number }, alignment: Int32Array): number[] {
  const found: number[] = [];
  for (let at = place - 1; at < place + length; at++) {
    const target = at < 0 ? 0 : alignment[at]! + 1;
    if (target !== found.at(-1)) found.push(target);
  }
  return found;
}

/**
 * The words with a block put before position `target`: a target behind the block counts in the text as it stands, one
 * inside it in the text without the block (and at most at its end), as tercom has it.
 */
function shiftWords(words: Int32Array, { start, length, target }: Block): Int32Array {
  const to = Math.min(target > start + length ? target - length : target, words.length - length);
  const shifted = words.slice();
  if (to < start) shifted.copyWithin(to + length, to, start);
  else shifted.copyWithin(start, start + length, to + length);
  shifted.set(words.subarray(start, start + length), to);
  return shifted;
}

/** Above 0 where `a` is preferred: more saved, then longer, then from further left, then to further left. */
const compareShifts = (a: Shift, b: Shift): number =>
  a.gain - b.gain || a.length - b.length || b.start - a.start || b.target - a.target;
