/** A study's events as lines: cells done, trainings a minute, and the time that is left. */
import type { StudyEvent } from "../analysis/index.ts";
import { duration, threeDigits, whole } from "../report/index.ts";
import { createProgress, type Progress } from "./progress.ts";

export interface StudyProgress {
  show(event: StudyEvent): void;
  end(): void;
}

/** `now` in milliseconds of a steady clock. */
export function createStudyProgress(
  progress: Progress = createProgress(),
  now: () => number = () => performance.now(),
): StudyProgress {
  const start = now();
  let found = 0;
  /** Shares of the cells that run now, by cell. */
  const running = new Map<unknown, number>();
  const remaining = (done: number, cells: number): number | undefined => {
    const worked = done - found + [...running.values()].reduce((sum, share) => sum + share, 0);
    return worked > 0 ? ((now() - start) / 1000 / worked) * (cells - found - worked) : undefined;
  };
  return {
    show(event) {
      if (event.kind === "plan") {
        found = event.finished;
        progress.note(
          `${whole(event.cells)} trainings${found > 0 ? `, ${whole(found)} of them finished before` : ""}.`,
        );
        return;
      }
      const { cell, done, cells } = event;
      const name = `${Object.values(cell.levels).join(", ")}, seed ${cell.seed}`;
      if (event.kind === "progress") {
        running.set(cell, event.share);
        const label = `[${done + 1}/${cells}] ${name}, ${Math.floor(100 * event.share)} %`;
        progress.update({ label, loss: event.loss, remainingSeconds: remaining(done, cells) });
        return;
      }
      running.delete(cell);
      const { outcome, reason, trainLoss, seconds } = event.result;
      const text =
        outcome === "trained" ? `loss ${threeDigits(trainLoss)}` : `${outcome}${reason ? ` (${reason})` : ""}`;
      progress.note(`[${done}/${cells}] ${name}: ${text}, ${duration(seconds)}`);
    },
    end: () => progress.end(),
  };
}
