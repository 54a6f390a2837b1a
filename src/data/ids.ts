/** Ids of many sequences behind one another. */
export interface IdStore {
  readonly length: number;
  push(ids: ArrayLike<number>): void;
  /** Ids from `start` up to `end`, of one sequence that was pushed; not to be written to. */
  read(start: number, end: number): Int32Array;
}

/** 4 bytes an id; memory doubles when full. */
export class IdsInMemory implements IdStore {
  private ids = new Int32Array(1 << 16);
  length = 0;

  push(ids: ArrayLike<number>): void {
    const end = this.length + ids.length;
    if (end > this.ids.length) {
      const larger = new Int32Array(Math.max(end, 2 * this.ids.length));
      larger.set(this.all());
      this.ids = larger;
    }
    this.ids.set(ids, this.length);
    this.length = end;
  }

  read(start: number, end: number): Int32Array {
    return this.ids.subarray(start, end);
  }

  all(): Int32Array {
    return this.ids.subarray(0, this.length);
  }

  /** Keeps the memory for what comes. */
  clear(): void {
    this.length = 0;
  }
}
