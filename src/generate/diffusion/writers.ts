/** How text of each objective of diffusion is written: what blocks begin as, and what denoises them. */
import { type KeptSchedule, keptShares, type Rng } from "../../ops/index.ts";
import type { BuiltModel } from "../../spec/index.ts";
import { fail } from "../../tensor/index.ts";
import { ancestral, rememberLast } from "./ancestral.ts";
import { type DenoisedBlock, denoise, type Predict, withGuidance } from "./denoise.ts";
import { noiseOf } from "./noise.ts";
import type { Pace } from "./reveal.ts";
import { absorbingStep, type ReverseStep, strides, uniformStep } from "./reverse-steps.ts";

export interface WritingOptions {
  /** Where the text to be written begins and ends. */
  start: number;
  end: number;
  block: number;
  /** Denoising steps per block. */
  steps: number;
  temperature: number;
  guidance: number;
  rng: Rng;
}

/** Fills the places from `start` to `end`, block by block. */
export type BlockWriter = (
  ids: Int32Array,
  predict: Predict,
  options: WritingOptions,
) => AsyncGenerator<DenoisedBlock, void>;

export type Sampler = "low-confidence" | "random" | "ancestral";

/** What writes the text of a model: of a mask, by the sampler that its spec or the caller names; else by uniform noise. */
export function blockWriter(built: BuiltModel, sampler?: Sampler): BlockWriter {
  const { spec, vocabulary } = built.model;
  const mask = built.extraTokens["mask"];
  if (spec.objective.kind === "d3pm") return mask === undefined ? uniformWriter(built) : ancestralWriter(built, mask);
  const kind = sampler ?? (spec.objective["sampler"] as Sampler);
  if (kind === "ancestral") return ancestralWriter(built, mask!);
  return (ids, predict, { rng, ...options }) =>
    denoise(ids.fill(mask!, options.start, options.end), predict, {
      ...{ ...options, vocabulary, mask: mask!, remasking: kind, pace: spec.objective["pace"] as Pace },
      noise: noiseOf(rng, vocabulary),
    });
}

/** Draws from the reverse process; a model that is not told the time is asked only when the text has changed. */
function reverseWriter(vocabulary: number, stepsOf: (steps: number) => readonly ReverseStep[]): BlockWriter {
  return (ids, predict, { rng, steps, ...options }) =>
    ancestral(ids, rememberLast(predict), {
      ...{ ...options, vocabulary, steps: stepsOf(steps) },
      noise: noiseOf(rng, vocabulary),
    });
}

/**
 * The steps are even in the share of masks: for masked diffusion any schedule has the same bound (Sahoo et al. 2024, section 3.5),
 * for D3PM they are those of its T times.
 */
function ancestralWriter({ model: { spec, vocabulary } }: BuiltModel, mask: number): BlockWriter {
  const masked = maskedShares(spec.objective);
  const write = reverseWriter(vocabulary, (steps) =>
    masked(steps).map(({ time, ...ends }) => ({ ...absorbingStep({ mask, ...ends }), ...time })),
  );
  return (ids, predict, options) => {
    const { start, end, guidance } = options;
    ids.fill(mask, start, end);
    return write(ids, withGuidance(predict, { start, mask, guidance }), options);
  };
}

/** `time` holds t where the model is told. */
type Shares = (steps: number) => { from: number; to: number; time?: Pick<ReverseStep, "time"> }[];

/** Shares of masks at both ends of each step. */
function maskedShares(objective: Readonly<Record<string, unknown>>): Shares {
  if (objective["kind"] !== "d3pm")
    return (steps) => Array.from({ length: steps }, (_, i) => ({ from: 1 - i / steps, to: 1 - (i + 1) / steps }));
  const kept = keptAt(objective);
  return (steps) => kept(steps).map(({ from, to, ...rest }) => ({ ...rest, from: 1 - from, to: 1 - to }));
}

/** ᾱ at both ends of each step of D3PM: all its T times where there are as many steps, else some of them. */
function keptAt({ schedule, times, timeFeatures }: Readonly<Record<string, unknown>>): Shares {
  const kept = keptShares(schedule as KeptSchedule, times as number);
  return (steps) =>
    strides(times as number, steps).map(({ from, to }) => ({
      ...{ from: kept[from]!, to: kept[to]! },
      ...(timeFeatures !== undefined && { time: { time: from } }),
    }));
}

/** Without a mask, nothing stands for a text that is not known: where nothing follows, the model sees no more than the block. */
function uniformWriter({ model: { spec, vocabulary } }: BuiltModel): BlockWriter {
  const kept = keptAt(spec.objective);
  const write = reverseWriter(vocabulary, (steps) =>
    kept(steps).map(({ time, ...ends }) => ({ ...uniformStep(ends), ...time })),
  );
  return (ids, predict, options) => {
    if (options.guidance !== 0)
      fail({
        code: "E_GUIDANCE",
        where: spec.name,
        expected: "no guidance: it has no mask to hide the prompt",
        got: "some",
      });
    for (let place = options.start; place < options.end; place++)
      ids[place] = options.rng.fork("start").fork(place).below(vocabulary);
    return write(
      ids,
      (all, range) => predict(options.end < all.length ? all : all.subarray(0, range.end), range),
      options,
    );
  };
}
