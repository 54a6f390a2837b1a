import type { TaskWindows } from "./stream.ts";

export interface TaskScore {
  /** Share of scored places that are right. */
  accuracy: number;
  /** Share of examples all of whose scored places are right: what greedy decoding would write. */
  exactMatch: number;
  /** Scored places. */
  places: number;
  examples: number;
}

/** Scores predicted ids, [count·T], against the targets of windows. */
export function scoreTask({ count, length, targets, mask }: TaskWindows, predictions: ArrayLike<number>): TaskScore {
  let [places, right, exact] = [0, 0, 0];
  for (let row = 0; row < count; row++) {
    let wrong = 0;
    for (let i = row * length; i < (row + 1) * length; i++) {
      if (mask[i] === 0) continue;
      places++;
      if (predictions[i] !== targets[i]) wrong++;
      else right++;
    }
    if (wrong === 0) exact++;
  }
  return { accuracy: right / places, exactMatch: exact / count, places, examples: count };
}
