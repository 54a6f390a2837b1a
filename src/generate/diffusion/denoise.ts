import { type Candidate, candidate, chooseReveals, revealSchedule } from "./reveal.ts";

/** Scores of all ids for the places start … end − 1 of a text, row-major [end − start, C]. */
export type Predict = (
  ids: Int32Array,
  range: { start: number; end: number },
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
  /** Tokens denoised together. */
  block: number;
  /** Denoising steps per block. */
  steps: number;
  temperature: number;
  /** Which places are revealed first; the others are masked again. */
  remasking: "low-confidence" | "random";
  /** Reveals more than the schedule says where the model is surer than this. */
  threshold?: number | undefined;
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
  const { block, start: first, mask, steps } = options;
  let call = 0;
  for (let start = first; start < ids.length; start += block) {
    const end = Math.min(start + block, ids.length);
    for (const count of revealSchedule(maskedPlaces(ids, { start, end, mask }).length, steps)) {
      // All may be revealed early: a short block, or a model surer than the threshold.
      if (maskedPlaces(ids, { start: 0, end, mask }).length === 0) break;
      beforeStep();
      await reveal(ids, predict, { ...options, end, count, step: call++ });
    }
    yield { start, end };
  }
}

/** One step: reveals `count` of the masked places before `end`. */
async function reveal(
  ids: Int32Array,
  predict: Predict,
  options: DenoiseOptions & { end: number; count: number; step: number },
): Promise<void> {
  const { end, mask, count, threshold, step, noise, remasking } = options;
  const places = maskedPlaces(ids, { start: 0, end, mask });
  const candidates = await candidatesOf(ids, predict, { ...options, places });
  const confidences =
    remasking === "random"
      ? places.map((place) => noise.order(step, place))
      : candidates.map(({ confidence }) => confidence);
  for (const i of chooseReveals(confidences, { count, threshold })) ids[places[i]!] = candidates[i]!.id;
}

async function candidatesOf(
  ids: Int32Array,
  predict: Predict,
  options: DenoiseOptions & { end: number; step: number; places: readonly number[] },
): Promise<Candidate[]> {
  const { places, end, vocabulary, temperature, noise, step } = options;
  const start = places[0]!;
  const scores = await guided(ids, predict, { ...options, range: { start, end } });
  return places.map((place) => {
    const logits = scores.subarray((place - start) * vocabulary, (place - start + 1) * vocabulary);
    return candidate(logits, { temperature, ...(temperature > 0 && { uniforms: noise.candidates(step, place) }) });
  });
}

async function guided(
  ids: Int32Array,
  predict: Predict,
  { start, mask, guidance = 0, range }: DenoiseOptions & { range: { start: number; end: number } },
): Promise<Float64Array> {
  const conditional = Float64Array.from(await predict(ids, range));
  if (guidance === 0) return conditional;
  const unconditional = await predict(ids.slice().fill(mask, 0, start), range);
  return conditional.map((score, i) => unconditional[i]! + (guidance + 1) * (score - unconditional[i]!));
}

function maskedPlaces(ids: Int32Array, { start, end, mask }: { start: number; end: number; mask: number }): number[] {
  const places: number[] = [];
  for (let place = start; place < end; place++) if (ids[place] === mask) places.push(place);
  return places;
}
