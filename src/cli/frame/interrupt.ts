/** Ctrl-C and its kin: the first asks the work to stop at a good place, the second ends the process at once. */

const statuses = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Signal = keyof typeof statuses;

/** Thrown when work stopped because it was asked to; what to tell the user, and the exit status. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly lines: readonly string[];
  readonly status: number;

  constructor({ lines, signal }: { lines: readonly string[]; signal: AbortSignal }) {
    super(lines.join(" "));
    this.lines = lines;
    this.status = statuses[signal.reason as Signal] ?? statuses.SIGINT;
  }
}

export interface Interrupts {
  readonly signal: AbortSignal;
  /** Gives Ctrl-C its usual meaning back, unless it was pressed: then the process is about to end with its status. */
  dispose(): void;
}

/** Listens from now on; `onFirst` says what will happen. Aborts with the signal's name as the reason. */
export function listenForInterrupts(onFirst: () => void): Interrupts {
  const controller = new AbortController();
  const names = Object.keys(statuses) as Signal[];
  const forget = () => {
    for (const name of names) process.off(name, listener);
  };
  const listener = (name: Signal) => {
    if (controller.signal.aborted) {
      forget();
      // As if never caught: process.exit would wait for, or trip over, the engine's thread.
      process.kill(process.pid, name);
      return;
    }
    controller.abort(name);
    onFirst();
  };
  for (const name of names) process.on(name, listener);
  return { signal: controller.signal, dispose: () => (controller.signal.aborted ? undefined : forget()) };
}
