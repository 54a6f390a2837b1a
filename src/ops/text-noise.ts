/**
 * Ways to spoil a text that an encoder–decoder is to restore (BART: Lewis et al. 2019, arXiv 1910.13461, section 2.2). Every one is
 * a function of the ids and the stream of random draws.
 */
import type { Rng } from "./rng.ts";

export const noiseKinds = ["mask", "delete", "infill", "permute", "rotate"] as const;
export type NoiseKind = (typeof noiseKinds)[number];

export interface NoiseOptions {
  /** Applied one after another. */
  noise: readonly NoiseKind[];
  /** Share of the ids that `mask`, `delete` and `infill` take away, 0 … 1. */
  share: number;
  /** Mean ids of a span that `infill` replaces by one mask. */
  span: number;
  mask: number;
  /** Ids that end a sentence. */
  stops: ReadonlySet<number>;
}

type Noise = (ids: Int32Array, options: NoiseOptions, rng: Rng) => Int32Array;

/** So many ids are taken away, at least one and never all. */
export const noisedIds = (length: number, share: number): number =>
  Math.min(Math.max(Math.round(length * share), 1), length - 1);

const chosen = (length: number, share: number, rng: Rng): Set<number> =>
  new Set(rng.permutation(length).subarray(0, noisedIds(length, share)));

const noises: Readonly<Record<NoiseKind, Noise>> = {
  /** As long as before. */
  mask(ids, { share, mask }, rng) {
    const places = chosen(ids.length, share, rng);
    return ids.map((id, place) => (places.has(place) ? mask : id));
  },
  /** What is missing, and where, is for the model to find. */
  delete(ids, { share }, rng) {
    const places = chosen(ids.length, share, rng);
    return ids.filter((_, place) => !places.has(place));
  },
  /** Spans of Poisson lengths become one mask each, those of length 0 too. */
  infill(ids, options, rng) {
    const lengths = spanLengths(noisedIds(ids.length, options.share), options.span, rng.fork("lengths"));
    const kept = ids.length - lengths.reduce((sum, size) => sum + size, 0);
    const gaps = Array.from(lengths, () => rng.below(kept + 1)).sort((a, b) => a - b);
    const spoiled: number[] = [];
    let [at, before] = [0, 0];
    for (const [i, size] of lengths.entries()) {
      const own = gaps[i]! - before;
      spoiled.push(...ids.subarray(at, at + own), options.mask);
      [at, before] = [at + own + size, gaps[i]!];
    }
    return Int32Array.from([...spoiled, ...ids.subarray(at)]);
  },
  /** Sentences in another order; what stands behind the last stop is one. */
  permute(ids, { stops }, rng) {
    const sentences = sentencesOf(ids, stops);
    return Int32Array.from(Array.from(rng.permutation(sentences.length)).flatMap((i) => [...sentences[i]!]));
  },
  /** The text begins at an id drawn at random, what stood before it follows the end. */
  rotate(ids, _, rng) {
    const start = rng.below(ids.length);
    return Int32Array.from([...ids.subarray(start), ...ids.subarray(0, start)]);
  },
};

/** The text after all of its noises: at least one id, and never more than before. */
export const spoil = (ids: Int32Array, options: NoiseOptions, rng: Rng): Int32Array =>
  options.noise.reduce((text, kind, i) => (text.length < 2 ? text : noises[kind](text, options, rng.fork(i))), ids);

/** Lengths with this mean that add up to `total`, the last one cut; no more spans than ids, so that no text grows. */
function spanLengths(total: number, mean: number, rng: Rng): number[] {
  const lengths: number[] = [];
  let left = total;
  while (left > 0) {
    const size = lengths.length + 1 < total ? Math.min(poisson(mean, rng), left) : left;
    lengths.push(size);
    left -= size;
  }
  return lengths;
}

/** Knuth 1969, section 3.4.1: draws until their product falls below e^−mean. */
function poisson(mean: number, rng: Rng): number {
  const least = Math.exp(-mean);
  let count = 0;
  for (let product = rng.uniform(); product > least; product *= rng.uniform()) count++;
  return count;
}

function sentencesOf(ids: Int32Array, stops: ReadonlySet<number>): Int32Array[] {
  const ends = Array.from(ids.keys()).filter((place) => stops.has(ids[place]!) || place === ids.length - 1);
  return ends.map((end, i) => ids.subarray((ends[i - 1] ?? -1) + 1, end + 1));
}
