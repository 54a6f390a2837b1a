/** Scores of every id for one place in a text: higher is likelier, −∞ is impossible. */
export type Logits = ArrayLike<number>;

/** exp(x − max) / Σ exp(x − max), in f64. */
export function softmax(logits: Logits): Float64Array {
  const highest = logits[argmax(logits)]!;
  const weights = Float64Array.from(logits, (x) => Math.exp(x - highest));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** log softmax, in f64. */
export function logSoftmax(logits: Logits): Float64Array {
  const highest = logits[argmax(logits)]!;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - highest);
  const offset = highest + Math.log(sum);
  return Float64Array.from(logits, (x) => x - offset);
}

/** Index of the first greatest score. */
export function argmax(logits: Logits): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
  return best;
}

/** Indices from the greatest score to the least, equal ones in their order. */
export function descending(scores: ArrayLike<number>): number[] {
  return Array.from(scores, (_, i) => i).sort((a, b) => scores[b]! - scores[a]! || a - b);
}
