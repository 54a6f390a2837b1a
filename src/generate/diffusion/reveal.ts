import { argmax, descending, type Logits, softmax } from "../sampling/softmax.ts";

/** A token that a masked place may take, and how sure the model is of it. */
export interface Candidate {
  id: number;
  /** Softmax probability of the id, or whatever else decides the order. */
  confidence: number;
}

/** How many of `masks` places each of `steps` steps reveals: equal shares, the first steps one more (Nie et al. 2025, section 2.4). */
export function revealSchedule(masks: number, steps: number): number[] {
  return Array.from({ length: steps }, (_, step) => Math.floor(masks / steps) + (step < masks % steps ? 1 : 0));
}

/**
 * Draws an id by the Gumbel-max trick in f64, scaled: argmax of logits − τ·log(−log u), which is a draw from
 * softmax(logits / τ); τ = 0 is the likeliest id. `uniforms` gives one number in [0, 1) for each id.
 */
export function candidate(
  logits: Logits,
  { temperature, uniforms }: { temperature: number; uniforms?: ArrayLike<number> },
): Candidate {
  const noisy =
    temperature === 0
      ? logits
      : Float64Array.from(logits, (score, id) => score - temperature * Math.log(-Math.log(uniforms![id]!)));
  const id = argmax(noisy);
  return { id, confidence: softmax(logits)[id]! };
}

/**
 * The places to reveal among the masked ones: the `count` most confident, equal ones from the left. With a `threshold`, all
 * that are surer than it where those are at least `count` (as in diffusers' BlockRefinementScheduler).
 */
export function chooseReveals(
  confidences: ArrayLike<number>,
  { count, threshold }: { count: number; threshold?: number | undefined },
): number[] {
  const order = descending(confidences);
  const sure = threshold === undefined ? 0 : order.filter((place) => confidences[place]! > threshold).length;
  return order.slice(0, Math.max(count, sure));
}
