import { softmax } from "../sampling/softmax.ts";
import type { DenoisedBlock, Noise, Predict } from "./denoise.ts";
import { candidate } from "./reveal.ts";
import type { ReverseStep } from "./reverse-steps.ts";

export interface AncestralOptions {
  /** C, ids the model scores. */
  vocabulary: number;
  /** Where the tokens to be written begin; before it stands the prompt. */
  start: number;
  /** Where they end. Default: the end of the text. */
  end?: number | undefined;
  /** Tokens denoised together. */
  block: number;
  /** Of what the model believes of the text; 0 takes its likeliest token for certain. */
  temperature: number;
  /** The steps of a block, first the one from the most noise. */
  steps: readonly ReverseStep[];
  noise: Pick<Noise, "candidates">;
}

/**
 * Ancestral sampling of discrete diffusion, block by block from left to right: every place of a block that still may change
 * draws what it holds one step earlier, x_s ~ p(x_s | x_t) (Austin et al. 2021, arXiv 2107.03006, section 3.3; Sahoo et al. 2024,
 * arXiv 2406.07524, section 4). Reads and writes `ids`, whose blocks must hold noise. The model is asked only while a place may change.
 */
export async function* ancestral(
  ids: Int32Array,
  predict: Predict,
  options: AncestralOptions,
): AsyncGenerator<DenoisedBlock, void> {
  let step = 0;
  const { end: last = ids.length } = options;
  for (let start = options.start; start < last; start += options.block) {
    const range = { start, end: Math.min(start + options.block, last) };
    for (const reverse of options.steps) await takeBack(ids, predict, { ...options, range, reverse, step: step++ });
    yield range;
  }
}

async function takeBack(
  ids: Int32Array,
  predict: Predict,
  options: AncestralOptions & { range: DenoisedBlock; reverse: ReverseStep; step: number },
): Promise<void> {
  const { range, reverse, vocabulary: C, temperature, noise, step } = options;
  const open: number[] = [];
  for (let place = range.start; place < range.end; place++) if (reverse.moves(ids[place]!)) open.push(place);
  if (open.length === 0) return;
  const scores = await predict(ids, { ...range, ...(reverse.time !== undefined && { time: reverse.time }) });
  for (const place of open) {
    const at = (place - range.start) * C;
    const p = believed(Array.prototype.slice.call(scores, at, at + C), temperature);
    ids[place] = drawn(reverse.weights(p, ids[place]!), noise.candidates(step, place));
  }
}

/** p(x₀) of scores [C]. */
function believed(scores: readonly number[], temperature: number): Float64Array {
  if (temperature > 0) return softmax(scores.map((score) => score / temperature));
  const { id } = candidate(scores, { temperature });
  return Float64Array.from(scores, (_, k) => Number(k === id));
}

/** A draw from unnormalised probabilities by the race of exponential waiting times −log u, one uniform number for each id. */
export function drawn(weights: ArrayLike<number>, uniforms: ArrayLike<number>): number {
  let [best, most] = [0, -1];
  for (let id = 0; id < weights.length; id++) {
    const pace = weights[id]! / (1e-10 - Math.log(uniforms[id]! + 1e-10));
    if (pace > most) [best, most] = [id, pace];
  }
  return best;
}

/** Asks the model only where the text, or a time that it is told, has changed since the last time. */
export function rememberLast(predict: Predict): Predict {
  let last: { ids: Int32Array; range: Parameters<Predict>[1]; scores: ArrayLike<number> } | undefined;
  return async (ids, range) => {
    const { start, end, time } = last?.range ?? {};
    const asked = start === range.start && end === range.end && time === range.time;
    const same = asked && last?.ids.every((id, i) => id === ids[i]);
    if (!same) last = { ids: ids.slice(), range, scores: await predict(ids, range) };
    return last!.scores;
  };
}
