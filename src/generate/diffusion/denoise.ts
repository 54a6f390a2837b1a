import { type Candidate, candidate, chooseEdits, chooseReveals, type Pace, revealSchedule } from "./reveal.ts";

/**
 * Scores of all ids for the places start … end − 1 of a text, row-major [end − start, C]; `time` is how far the noise has gone, where
 * the model is told.
 */
export type Predict = (
  ids: Int32Array,
  range: { start: number; end: number; time?: number },
) => Promise<ArrayLike<number>> | ArrayLike<number>;

/** Uniform numbers in [0, 1) of a denoising step (counted over all blocks). */
export interface Noise {
  /** One per id, for the candidate of a place. */
  candidates(step: number, place: number): ArrayLike<number>;
  /** For the order of places, where that is random. */
  order(step: number, place: number): number;
}

export interface DenoiseOptions {
  /** C, ids the model scores. */
  vocabulary: number;
  mask: number;
  /** Where the tokens to be written begin; before it stands the prompt. */
  start: number;
  /** Where they end; behind them stands what both sides tell. Default: the end of the text. */
  end?: number | undefined;
  /** Tokens denoised together. */
  block: number;
  /** Denoising steps per block. */
  steps: number;
  temperature: number;
  /** Which places are revealed first; the others are masked again. */
  remasking: "low-confidence" | "random";
  /** Reveals more than the schedule says where the model is surer than this. */
  threshold?: number | undefined;
  /** How many places each step reveals. Default: even. */
  pace?: Pace | undefined;
  /** Replaces tokens of the block that stand already where the model is surer of another than this. */
  editing?: number | undefined;
  /** w > 0 moves scores away from those without the prompt: u + (w + 1)(c − u) (Nie et al. 2025, eq. 16). */
  guidance?: number | undefined;
  noise: Noise;
}

/** A finished block: places start … end − 1 hold their tokens. */
export interface DenoisedBlock {
  start: number;
  end: number;
}

/**
 * Reverse process of masked diffusion with remasking, block by block from left to right (Nie et al. 2025, arXiv
 * 2502.09992, algorithms 4 and 5, section 2.4): predict every masked place, keep the most confident, mask the others
 * again. Writes into `ids`; `beforeStep` sees them before every prediction.
 */
export async function* denoise(
  ids: Int32Array,
  predict: Predict,
  options: DenoiseOptions,
  beforeStep: () => void = () => {},
): AsyncGenerator<DenoisedBlock, void> {
  const { block, start: first, end: last = ids.length, mask, steps } = options;
  let call = 0;
  for (let start = first; start < last; start += block) {
    const end = Math.min(start + block, last);
    for (const count of revealSchedule(maskedPlaces(ids, { start, end, mask }).length, steps, options)) {
      // All may be revealed early: a short block, or a model surer than the threshold.
      if (maskedPlaces(ids, { start: 0, end, mask }).length === 0) break;
      beforeStep();
      await reveal(ids, predict, { ...options, from: start, end, count, step: call++ });
    }
    yield { start, end };
  }
}

/** One step: reveals `count` of the masked places before `end`, and may edit those of the block that begins at `from`. */
async function reveal(
  ids: Int32Array,
  predict: Predict,
  options: DenoiseOptions & { from: number; end: number; count: number; step: number },
): Promise<void> {
  const { from, end, mask, count, threshold, step, noise, remasking, editing } = options;
  const places = maskedPlaces(ids, { start: 0, end, mask });
  const standing = editing === undefined ? [] : placesOf(from, end).filter((place) => ids[place] !== mask);
  const all = await candidatesOf(ids, predict, { ...options, places: [...standing, ...places].sort((a, b) => a - b) });
  const of = (place: number): Candidate => all.get(place)!;
  const candidates = places.map(of);
  const confidences =
    remasking === "random"
      ? places.map((place) => noise.order(step, place))
      : candidates.map(({ confidence }) => confidence);
  const edits = chooseEdits(standing.map(of), { present: standing.map((place) => ids[place]!), editing: editing ?? 1 });
  for (const i of edits) ids[standing[i]!] = of(standing[i]!).id;
  for (const i of chooseReveals(confidences, { count, threshold })) ids[places[i]!] = candidates[i]!.id;
}

async function candidatesOf(
  ids: Int32Array,
  predict: Predict,
  options: DenoiseOptions & { end: number; step: number; places: readonly number[] },
): Promise<ReadonlyMap<number, Candidate>> {
  const { places, end, vocabulary, temperature, noise, step } = options;
  const start = places[0]!;
  const scores = Float64Array.from(await withGuidance(predict, options)(ids, { start, end }));
  const found = places.map((place) => {
    const logits = scores.subarray((place - start) * vocabulary, (place - start + 1) * vocabulary);
    const drawn = { temperature, ...(temperature > 0 && { uniforms: noise.candidates(step, place) }) };
    return [place, candidate(logits, drawn)] as const;
  });
  return new Map(found);
}

/** Predictions moved away from those without the prompt, the tokens before `start`; without guidance, as they are. */
export function withGuidance(
  predict: Predict,
  { start, mask, guidance = 0 }: Pick<DenoiseOptions, "start" | "mask" | "guidance">,
): Predict {
  if (guidance === 0) return predict;
  return async (ids, range) => {
    const conditional = Float64Array.from(await predict(ids, range));
    return guide(conditional, await predict(ids.slice().fill(mask, 0, start), range), guidance);
  };
}

/** u + (w + 1)(c − u) (Ho and Salimans 2022, arXiv 2207.12598, eq. 6); equal scores stay, also those of −∞. */
export function guide(conditional: Float64Array, unconditional: ArrayLike<number>, guidance: number): Float64Array {
  return conditional.map((score, i) => {
    const from = unconditional[i]!;
    return score === from ? score : from + (guidance + 1) * (score - from);
  });
}

const placesOf = (start: number, end: number): number[] => Array.from({ length: end - start }, (_, i) => start + i);

function maskedPlaces(ids: Int32Array, { start, end, mask }: { start: number; end: number; mask: number }): number[] {
  return placesOf(start, end).filter((place) => ids[place] === mask);
}
