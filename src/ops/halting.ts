/**
 * Adaptive computation time: after each round a token may stop, and its result is the mean of its rounds weighted by how
 * likely each was the last (Graves 2016, arXiv 1603.08983, eq. 5–9; in Transformers: Dehghani et al. 2019).
 */
import { type Tensor, where } from "../tensor/index.ts";

/** f32 of any shape: where tokens stand. */
export interface Halting {
  /** 1 for tokens that go on, 0 for those that have stopped. */
  running: Tensor;
  /** Sum of their probabilities so far. */
  total: Tensor;
  /** What was left of 1 when they stopped; 0 before. */
  remainder: Tensor;
  /** Rounds that they took. */
  rounds: Tensor;
}

/** Before the first round, for probabilities of this shape. */
export function startHalting(like: Tensor): Halting {
  const none = like.mul(0).stopGradient();
  return { running: none.add(1), total: none, remainder: none, rounds: none };
}

/**
 * One more round with probability p of stopping: its weight in the result, and where tokens stand then. A token stops when
 * its sum passes the threshold, or in the `last` round, and then takes what is left of 1.
 */
export function haltingRound(
  p: Tensor,
  { running, total, remainder, rounds }: Halting,
  { threshold, last }: { threshold: number; last: boolean },
): { weight: Tensor; after: Halting } {
  const over = last ? running : where(total.add(p).greater(threshold), running, 0);
  const [stops, goes] = [over.stopGradient(), running.sub(over).stopGradient()];
  const rest = stops.mul(total.neg().add(1));
  return {
    weight: p.mul(goes).add(rest),
    after: {
      running: goes,
      total: total.add(p.mul(goes)).add(rest),
      remainder: remainder.add(rest),
      rounds: rounds.add(running).stopGradient(),
    },
  };
}

/** Sine and cosine of a round's number at D/2 frequencies, first all sines: added to the stream in round `round`, from 0. */
export function roundSignal(round: number, width: number): number[] {
  const half = Math.floor(width / 2);
  const angles = Array.from({ length: half }, (_, j) => round * 10_000 ** (-j / Math.max(1, half - 1)));
  return [...angles.map(Math.sin), ...angles.map(Math.cos), ...new Array<number>(width % 2).fill(0)];
}
