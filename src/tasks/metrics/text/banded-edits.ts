/**
 * Edit distance along the diagonal only, as tercom's: in row i (a prefix of i hypothesis words) only the reference
 * prefixes within `width` of the straight line from corner to corner are considered. Unit costs.
 */
const leastWidth = 25;

export interface EditTrace {
  /** For each reference word, the hypothesis word it stands at: the last one used, −1 before the first. */
  readonly alignment: Int32Array;
  /** 1 for each word that takes part in an edit. */
  readonly referenceErrors: Uint8Array;
  readonly hypothesisErrors: Uint8Array;
}

/** Distances of hypotheses of one length, at least 1, to one reference. Words are numbers. */
export class BandedEdits {
  private readonly reference: Int32Array;
  private readonly length: number;
  /** Row i holds the costs of reference prefixes from `lows[i]` up to below `highs[i]`, `span` cells at most. */
  private readonly lows: Int32Array;
  private readonly highs: Int32Array;
  private readonly span: number;
  /** Rows of the base hypothesis, and of the one being tried. */
  private readonly base: Int32Array;
  private readonly trial: Int32Array;

  constructor(reference: Int32Array, length: number) {
    const ratio = reference.length / length;
    // Where the reference is so much longer that rows of the least width would not touch, they are wider.
    const width = ratio / 2 > leastWidth ? Math.ceil(ratio / 2 + leastWidth) : leastWidth;
    const end = reference.length + 1;
    this.reference = reference;
    this.length = length;
    this.lows = Int32Array.from({ length: length + 1 }, (_, i) => Math.max(0, Math.floor(i * ratio) - width));
    this.highs = Int32Array.from({ length: length + 1 }, (_, i) => Math.min(end, Math.floor(i * ratio) + width));
    this.highs[length] = end;
    this.span = 2 * width;
    this.base = new Int32Array((length + 1) * this.span);
    this.trial = new Int32Array((length + 1) * this.span);
  }

  /** Makes this hypothesis the one that others are compared with; its distance. */
  rebase(hypothesis: Int32Array): number {
    this.fill(this.base, hypothesis, 1);
    return this.cost(this.base, this.length, this.reference.length);
  }

  /** Distance of a hypothesis whose first `shared` words are those of the base. */
  distance(hypothesis: Int32Array, shared: number): number {
    const { span } = this;
    this.trial.set(this.base.subarray(shared * span, (shared + 1) * span), shared * span);
    this.fill(this.trial, hypothesis, shared + 1);
    return this.cost(this.trial, this.length, this.reference.length);
  }

  /** One best way from the base to the reference: matches and substitutions before deletions before insertions. */
  trace(hypothesis: Int32Array): EditTrace {
    const alignment = new Int32Array(this.reference.length);
    const referenceErrors = new Uint8Array(this.reference.length);
    const hypothesisErrors = new Uint8Array(this.length);
    for (let [i, j] = [this.length, this.reference.length]; i > 0 || j > 0; ) {
      const edit = this.editAt(hypothesis, i, j);
      if (edit !== "delete") alignment[j - 1] = i - 1;
      if (edit !== "delete" && edit !== "match") referenceErrors[j - 1] = 1;
      if (edit !== "insert" && edit !== "match") hypothesisErrors[i - 1] = 1;
      if (edit !== "insert") i--;
      if (edit !== "delete") j--;
    }
    return { alignment, referenceErrors, hypothesisErrors };
  }

  /** The last edit of the best way to a cell. */
  private editAt(hypothesis: Int32Array, i: number, j: number): "match" | "substitute" | "delete" | "insert" {
    if (i === 0) return "insert";
    if (j === 0) return "delete";
    const cost = this.cost(this.base, i, j);
    const matches = hypothesis[i - 1] === this.reference[j - 1];
    if (this.cost(this.base, i - 1, j - 1) + (matches ? 0 : 1) === cost) return matches ? "match" : "substitute";
    return this.cost(this.base, i - 1, j) + 1 === cost ? "delete" : "insert";
  }

  private fill(rows: Int32Array, hypothesis: Int32Array, from: number): void {
    for (let i = from; i <= this.length; i++) this.fillRow(rows, hypothesis[i - 1]!, i);
  }

  private fillRow(rows: Int32Array, word: number, i: number): void {
    const start = i * this.span - this.lows[i]!;
    let left = Number.POSITIVE_INFINITY;
    let aboveLeft = this.lows[i] === 0 ? Number.POSITIVE_INFINITY : this.cost(rows, i - 1, this.lows[i]! - 1);
    for (let j = this.lows[i]!; j < this.highs[i]!; j++) {
      const above = this.cost(rows, i - 1, j);
      const aligned = aboveLeft + (word === this.reference[j - 1] ? 0 : 1);
      left = Math.min(aligned, above + 1, left + 1);
      rows[start + j] = left;
      aboveLeft = above;
    }
  }

  /** Infinite outside the band; the row of the empty prefix is whole. */
  private cost(rows: Int32Array, i: number, j: number): number {
    if (i === 0) return j;
    const low = this.lows[i]!;
    return j < low || j >= this.highs[i]! ? Number.POSITIVE_INFINITY : rows[i * this.span + j - low]!;
  }
}
