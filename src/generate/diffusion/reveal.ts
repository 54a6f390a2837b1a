import { argmax, descending, type Logits, softmax } from "../sampling/softmax.ts";

/** A token that a masked place may take, and how sure the model is of it. */
export interface Candidate {
  id: number;
  /** Softmax probability of the id, or whatever else decides the order. */
  confidence: number;
}

/**
 * How many places a step reveals. even: equal shares, the first steps one more (Nie et al. 2025, section 2.4); linear, cosine: so
 * many that the share 1 − t or cos(πt/2) of the text is masked behind the step, at least one and one less than before it, and all
 * at the last step (Chang et al. 2022, arXiv 2202.04200, section 3.3): few tokens at first, when little is known.
 */
export const paces = ["even", "linear", "cosine"] as const;
export type Pace = (typeof paces)[number];

/** Counts that each of `steps` steps reveals of `masks` places in a text of `length`. */
export function revealSchedule(
  masks: number,
  steps: number,
  { pace = "even", length = masks }: { pace?: Pace | undefined; length?: number } = {},
): number[] {
  if (pace === "even")
    return Array.from({ length: steps }, (_, step) => Math.floor(masks / steps) + (step < masks % steps ? 1 : 0));
  let left = masks;
  return Array.from({ length: steps }, (_, step) => {
    const time = (step + 1) / steps;
    // In single precision, as published samplers count: cos(π/3)·16 places are 7.
    const share = pace === "cosine" ? Math.fround(Math.cos(Math.fround((Math.PI * time) / 2))) : 1 - time;
    const before = left;
    left = step === steps - 1 ? 0 : Math.min(before, Math.max(1, Math.min(before - 1, Math.floor(share * length))));
    return before - left;
  });
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

/** Which of the tokens that stand already are replaced: those for which the model has another candidate, surer than `editing`. */
export function chooseEdits(
  candidates: readonly Candidate[],
  { present, editing }: { present: ArrayLike<number>; editing: number },
): number[] {
  return candidates.flatMap(({ id, confidence }, i) => (id !== present[i] && confidence > editing ? [i] : []));
}
