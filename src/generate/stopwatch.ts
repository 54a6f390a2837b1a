/** Times the runs of a model while it writes; what happens between them does not count. */
export class Stopwatch {
  private prefillMs: number | undefined;
  private laterMs = 0;
  private laterTokens = 0;

  /** Times work after which `tokens` more tokens can be written. The first work is the prefill. */
  async time<T>(work: () => Promise<T>, tokens = 1): Promise<T> {
    const start = performance.now();
    const result = await work();
    const ms = performance.now() - start;
    if (this.prefillMs === undefined) this.prefillMs = ms;
    else {
      this.laterMs += ms;
      this.laterTokens += tokens;
    }
    return result;
  }

  timing(): { prefillMs: number; tokensPerS: number } {
    return {
      prefillMs: this.prefillMs ?? 0,
      tokensPerS: this.laterTokens === 0 ? 0 : (1000 * this.laterTokens) / this.laterMs,
    };
  }
}
