/** Sessions in use and waiting, and how many were created in all. */
export interface SessionCounts {
  open: number;
  idle: number;
  created: number;
}

interface Held<S> {
  session: S;
  uses: number;
}

/**
 * Sessions by a key of their graph: whoever asks for one that is there shares it. One that nobody uses any longer waits for its
 * graph to be asked for again; of those, the ones that wait for longest are released when there are more than `idle`.
 * Calls must not overlap.
 */
export class SessionCache<S> {
  private readonly held = new Map<string, Held<S>>();
  private readonly end: (session: S) => Promise<void>;
  private readonly idle: number;
  private created = 0;

  constructor({ end, idle }: { end: (session: S) => Promise<void>; idle: number }) {
    this.end = end;
    this.idle = idle;
  }

  /** A session of this graph, for one more user, who gives it back with `release`. */
  async acquire(key: string, create: () => Promise<S>): Promise<S> {
    const known = this.held.get(key);
    const held = known ?? { session: await create(), uses: 0 };
    if (known === undefined) this.created++;
    held.uses++;
    this.held.set(key, held);
    return held.session;
  }

  /** One user less. Without users the session waits, or ends at once: a trainer's holds much memory and is seldom wanted again. */
  async release(key: string, then: "wait" | "end" = "wait"): Promise<void> {
    const held = this.held.get(key);
    if (held === undefined || --held.uses > 0) return;
    this.held.delete(key);
    if (then === "end") return this.end(held.session);
    // Behind all others: the first ones of the map have waited for longest.
    this.held.set(key, held);
    const waiting = [...this.held].filter(([, { uses }]) => uses === 0);
    for (const [oldest, { session }] of waiting.slice(0, Math.max(0, waiting.length - this.idle))) {
      this.held.delete(oldest);
      await this.end(session);
    }
  }

  /** Ends every session, whoever uses it. */
  async clear(): Promise<void> {
    const all = [...this.held.values()];
    this.held.clear();
    for (const { session } of all) await this.end(session);
  }

  counts(): SessionCounts {
    const idle = [...this.held.values()].filter(({ uses }) => uses === 0).length;
    return { open: this.held.size - idle, idle, created: this.created };
  }
}
