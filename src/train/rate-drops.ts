/** A factor of the rate that changes at certain steps and holds from each to the next. */
export class RateDrops {
  private readonly drops: { after: number; factor: number }[] = [];

  /** From step `after` + 1 on; what was said of later steps is forgotten. */
  set(after: number, factor: number): void {
    while (this.drops.length > 0 && this.drops.at(-1)!.after >= after) this.drops.pop();
    this.drops.push({ after, factor });
  }

  /** Of step t = 1, 2, …; 1 before the first change. */
  at(t: number): number {
    return this.drops.findLast(({ after }) => after < t)?.factor ?? 1;
  }
}
