import type { Engine } from "../../engine/index.ts";
import { createRng } from "../../ops/index.ts";
import type { BuiltModel, ObjectiveKind } from "../../spec/index.ts";
import { objectiveLosses } from "../../train/index.ts";
import { type Generator, generatorOf, type TokenSource } from "../generation.ts";
import type { GeneratorOptions } from "../generator.ts";
import { parseSampler } from "../sampling/sampler.ts";
import { Predictor } from "./predictor.ts";
import { blockWriter } from "./writers.ts";

const defaultContext = 512;

/** How a model of discrete diffusion is run. */
export interface DiffusionSettings {
  /** Id of the mask, which is never written; absent where the noise has none. */
  mask?: number;
  /** Tokens denoised together. */
  block: number;
  /** Denoising steps per block. */
  steps: number;
  /** Most tokens the model is shown. */
  context: number;
}

/** What spec and model say, within the window the model was trained for. */
export function diffusionSettings(
  { model, extraTokens }: BuiltModel,
  { context = defaultContext, steps }: Pick<GeneratorOptions, "context" | "steps"> = {},
): DiffusionSettings {
  const own = model.spec.objective as unknown as { block: number; steps: number };
  const seen = Math.min(context, model.limit);
  const mask = extraTokens["mask"];
  return {
    ...(mask !== undefined && { mask }),
    ...{ block: Math.min(own.block, seen), steps: steps ?? own.steps, context: seen },
  };
}

/** Writes block by block by denoising, as the objective has it; the prompt is kept as it is. */
export function diffusionGenerator(
  engine: Engine,
  built: BuiltModel,
  { programs, guidance = 0, sampler: kind, ...options }: GeneratorOptions,
): Generator {
  const settings = diffusionSettings(built, options);
  const { condition } = objectiveLosses[built.model.spec.objective.kind as ObjectiveKind];
  const predictor = new Predictor(engine, built.model, {
    ...settings,
    ...(programs !== undefined && { programs }),
    ...(condition && { condition: (times_B) => condition(built, times_B) }),
  });
  const write = blockWriter(built, kind);
  const source: TokenSource = async function* (request, watch) {
    const { prompt, suffix = new Int32Array(), tokens, sampler, seed = 0, signal } = request;
    const last = prompt.length + tokens;
    const ids = new Int32Array(last + suffix.length);
    ids.set(prompt);
    ids.set(suffix, last);
    const behind = Math.min(suffix.length, Math.floor((settings.context - settings.block) / 2));
    const blocks = write(ids, (all, range) => predictor.predict(all, { ...range, behind }, signal), {
      ...{ block: settings.block, steps: settings.steps, guidance, start: prompt.length, end: last },
      temperature: parseSampler(sampler).temperature,
      rng: createRng(seed).fork("denoise"),
    });
    for (let start = prompt.length; start < last; start += settings.block) {
      const end = Math.min(start + settings.block, last);
      await watch.time(() => blocks.next(), end - start);
      yield* ids.subarray(start, end);
    }
  };
  return generatorOf(source, { ids: settings.mask ?? built.model.vocabulary, dispose: () => predictor.dispose() });
}
