/**
 * How well a signal was recovered, in dB. `target` is what was to come out, `estimate` what did; any lengths, both alike.
 * All throw E_METRIC_INPUT where lengths differ or nothing is given.
 */
import { fail } from "../../../tensor/error.ts";
import { assertLength, assertSome, meanOf } from "../classification/labelled.ts";

export interface Recovered {
  readonly target: ArrayLike<number>;
  readonly estimate: ArrayLike<number>;
}

/** Keeps silence and a perfect estimate finite, as f64 does in the reference. */
const epsilon = Number.EPSILON;

const decibels = (signal: number, noise: number): number => 10 * Math.log10((signal + epsilon) / (noise + epsilon));

/** Signal to noise: 10 log₁₀ (|t|² / |t − e|²). */
export function signalToNoise(recovered: Recovered): number {
  const { target, estimate } = checked(recovered);
  return decibels(energy(target), energy(target.map((t, i) => t - estimate[i]!)));
}

export interface SiSdrOptions {
  /** Takes the means out first. Default false. */
  centred?: boolean;
}

/**
 * Scale-invariant signal to distortion (Le Roux et al. 2019): 10 log₁₀ (|a t|² / |a t − e|²) with a = ⟨e, t⟩ / ⟨t, t⟩, so that
 * the estimate's loudness does not matter.
 */
export function siSdr(recovered: Recovered, { centred = false }: SiSdrOptions = {}): number {
  const { target, estimate } = checked(recovered, centred);
  const scale = (dot(estimate, target) + epsilon) / (energy(target) + epsilon);
  const scaled = target.map((t) => scale * t);
  return decibels(energy(scaled), energy(scaled.map((t, i) => t - estimate[i]!)));
}

/** SI-SDR of the estimate less that of the mixture it was made of. */
export const siSdrImprovement = (
  { target, estimate, mixture }: Recovered & { readonly mixture: ArrayLike<number> },
  options?: SiSdrOptions,
): number => siSdr({ target, estimate }, options) - siSdr({ target, estimate: mixture }, options);

export interface Assignment {
  /** Mean score over the sources. */
  score: number;
  /** Which estimate belongs to target i. */
  permutation: number[];
}

/** Above this there are too many orders to try. */
const mostSources = 8;

/** Permutation-invariant score (Yu et al. 2017): the order of the estimates with the best mean score. Default score: SI-SDR. */
export function bestAssignment(
  targets: readonly ArrayLike<number>[],
  estimates: readonly ArrayLike<number>[],
  score: (recovered: Recovered) => number = siSdr,
): Assignment {
  assertSome("targets", targets.length);
  assertLength("estimates", estimates.length, targets.length);
  if (targets.length > mostSources)
    fail({
      code: "E_METRIC_INPUT",
      where: "targets",
      expected: `at most ${mostSources} sources`,
      got: String(targets.length),
    });
  const scores = targets.map((target) => estimates.map((estimate) => score({ target, estimate })));
  return ordersOf(targets.length)
    .map((permutation) => ({ permutation, score: meanOf(permutation.map((j, i) => scores[i]![j]!)) }))
    .reduce((best, one) => (one.score > best.score ? one : best));
}

function ordersOf(count: number): number[][] {
  if (count === 0) return [[]];
  const last = count - 1;
  return ordersOf(last).flatMap((order) => Array.from({ length: count }, (_, at) => order.toSpliced(at, 0, last)));
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const energy = (signal: readonly number[]): number => dot(signal, signal);

function checked({ target, estimate }: Recovered, centred = false): { target: number[]; estimate: number[] } {
  assertSome("target", target.length);
  assertLength("estimate", estimate.length, target.length);
  const taken = (signal: ArrayLike<number>) => {
    const values = Array.from(signal);
    const mean = centred ? meanOf(values) : 0;
    return values.map((value) => value - mean);
  };
  return { target: taken(target), estimate: taken(estimate) };
}
