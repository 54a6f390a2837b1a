/** How long a comparison will still take, from what its jobs have taken so far. */
import type { ComparisonEvent } from "../analysis/index.ts";

type JobKind = Extract<ComparisonEvent, { kind: "start" }>["job"]["kind"];

/** Seconds of a job of a kind of which none has run yet, as a share of a training's. */
const shareOfTraining: Readonly<Record<JobKind, number>> = { train: 1, trial: 0.2, decode: 0.5, sample: 0.1 };
/** Until any training has been seen. */
const unknownTrainingSeconds = 60;

interface Current {
  kind: JobKind;
  start: number;
  /** Share done and when that was reported. */
  share: number;
}

export class ComparisonClock {
  private readonly now: () => number;
  private readonly seconds = new Map<JobKind, number[]>();
  private readonly left: Record<JobKind, number>;
  private current: Current | undefined;

  /** `jobs` of each kind that the comparison will run; `now` in milliseconds. */
  constructor({
    jobs,
    now = () => performance.now(),
  }: { jobs: Readonly<Record<JobKind, number>>; now?: () => number }) {
    this.left = { ...jobs };
    this.now = now;
  }

  start(kind: JobKind): void {
    this.left[kind] = Math.max(0, this.left[kind] - 1);
    this.current = { kind, start: this.now(), share: 0 };
  }

  progress(share: number): void {
    if (this.current) this.current.share = share;
  }

  /** A job that was found finished says nothing about time. */
  end({ reused }: { reused: boolean }): void {
    const { current } = this;
    this.current = undefined;
    if (current === undefined || reused) return;
    this.seconds.set(current.kind, [...(this.seconds.get(current.kind) ?? []), this.elapsed(current)]);
  }

  remainingSeconds(): number {
    const kinds = Object.keys(this.left) as JobKind[];
    const waiting = kinds.reduce((sum, kind) => sum + this.left[kind] * this.expected(kind), 0);
    if (this.current === undefined) return waiting;
    const total = this.projected(this.current.kind) ?? this.expected(this.current.kind);
    return waiting + Math.max(0, total - this.elapsed(this.current));
  }

  /** Seconds that a job of a kind takes: the mean of those that ran and of what the one that runs points to. */
  private expected(kind: JobKind): number {
    const seen = [...(this.seconds.get(kind) ?? []), this.projected(kind)].filter((value) => value !== undefined);
    if (seen.length > 0) return seen.reduce((sum, value) => sum + value, 0) / seen.length;
    return kind === "train" ? unknownTrainingSeconds : shareOfTraining[kind] * this.expected("train");
  }

  /** What the job that runs now, if it is of this kind, will take; unknown at its beginning. */
  private projected(kind: JobKind): number | undefined {
    const { current } = this;
    return current?.kind === kind && current.share > 0.05 ? this.elapsed(current) / current.share : undefined;
  }

  private elapsed({ start }: Current): number {
    return (this.now() - start) / 1000;
  }
}
