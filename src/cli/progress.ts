/** Progress on standard error: one line that is rewritten on a terminal, plain lines from time to time elsewhere. */
import { duration, threeDigits, whole } from "../report/index.ts";

export interface ProgressState {
  /** What is being done: `llama seed 1`. */
  label: string;
  /** How far it is, in units of its own; absent where that is not known. */
  done?: number | undefined;
  total?: number | undefined;
  unit?: string | undefined;
  /** Units a second. */
  rate?: number | undefined;
  /** Nats per token. */
  loss?: number | undefined;
  /** Until everything ends. */
  remainingSeconds?: number | undefined;
}

export interface Progress {
  update(state: ProgressState): void;
  /** Prints a line that stays. */
  note(line: string): void;
  /** Takes the updating line away. */
  end(): void;
}

/** Where progress goes; `columns` as the terminal has them now. */
export interface ProgressStream {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

interface ProgressOptions {
  stream?: ProgressStream;
  /** Milliseconds of a steady clock. */
  now?: () => number;
}

const terminalMs = 100;
/** Between plain lines: at first this, then a twentieth of the time so far, so that logs of long runs stay short. */
const plainMs = 10_000;
const plainShare = 1 / 20;

export function createProgress({
  stream = process.stderr,
  now = () => performance.now(),
}: ProgressOptions = {}): Progress {
  return stream.isTTY === true ? terminalProgress(stream, now) : plainProgress(stream, now);
}

const clear = "\r\u001b[2K";

function terminalProgress(stream: ProgressStream, now: () => number): Progress {
  let last = Number.NEGATIVE_INFINITY;
  let shown = false;
  const end = () => {
    if (shown) stream.write(clear);
    shown = false;
  };
  return {
    update(state) {
      if (now() - last < terminalMs) return;
      last = now();
      shown = true;
      stream.write(clear + describeProgress(state).slice(0, (stream.columns || 80) - 1));
    },
    note(line) {
      end();
      stream.write(`${line}\n`);
      last = Number.NEGATIVE_INFINITY;
    },
    end,
  };
}

function plainProgress(stream: ProgressStream, now: () => number): Progress {
  const start = now();
  let last = start;
  return {
    update(state) {
      if (now() - last < Math.max(plainMs, (now() - start) * plainShare)) return;
      last = now();
      stream.write(`${describeProgress(state)}\n`);
    },
    note: (line) => void stream.write(`${line}\n`),
    end: () => {},
  };
}

/** `llama seed 1: 12,288 of 65,536 tokens (18 %), 8,120 tokens/s, loss 4.21, 12 s left`. */
export function describeProgress({
  label,
  done = 0,
  total,
  unit = "",
  rate,
  loss,
  remainingSeconds,
}: ProgressState): string {
  const parts = [
    ...(total === undefined
      ? []
      : [`${whole(done)} of ${whole(total)} ${unit} (${Math.floor((100 * done) / Math.max(1, total))} %)`]),
    ...(rate === undefined ? [] : [`${rate >= 100 ? whole(rate) : threeDigits(rate)} ${unit}/s`]),
    ...(loss === undefined ? [] : [`loss ${threeDigits(loss)}`]),
    ...(remainingSeconds === undefined ? [] : [`${duration(Math.ceil(remainingSeconds))} left`]),
  ];
  return `${label}: ${parts.join(", ")}`;
}
