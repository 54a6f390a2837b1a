import type { Engine } from "../../engine/index.ts";
import { createRng } from "../../ops/index.ts";
import type { BuiltModel } from "../../spec/index.ts";
import { type Generator, generatorOf, type TokenSource } from "../generation.ts";
import type { GeneratorOptions } from "../generator.ts";
import { parseSampler } from "../sampling/sampler.ts";
import { denoise } from "./denoise.ts";
import { noiseOf } from "./noise.ts";
import { Predictor } from "./predictor.ts";

const defaultContext = 512;

/** How a model of masked diffusion is run. */
export interface DiffusionSettings {
  /** Id of the mask, which is never written. */
  mask: number;
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
  context: number = defaultContext,
): DiffusionSettings {
  const { block, steps } = model.spec.objective as unknown as { block: number; steps: number };
  const seen = Math.min(context, model.limit);
  return { mask: extraTokens["mask"]!, block: Math.min(block, seen), steps, context: seen };
}

/** Writes block by block by denoising: low-confidence remasking, the prompt kept as it is. */
export function diffusionGenerator(
  engine: Engine,
  built: BuiltModel,
  { context, programs, guidance }: GeneratorOptions,
): Generator {
  const settings = diffusionSettings(built, context);
  const { vocabulary } = built.model;
  const predictor = new Predictor(engine, built.model, { ...settings, ...(programs !== undefined && { programs }) });
  const source: TokenSource = async function* ({ prompt, tokens, sampler, seed = 0, signal }, watch) {
    const ids = new Int32Array(prompt.length + tokens).fill(settings.mask);
    ids.set(prompt);
    const blocks = denoise(ids, (all, range) => predictor.predict(all, range, signal), {
      ...settings,
      vocabulary,
      start: prompt.length,
      temperature: parseSampler(sampler).temperature,
      remasking: "low-confidence",
      guidance,
      noise: noiseOf(createRng(seed).fork("denoise"), vocabulary),
    });
    for (let start = prompt.length; start < ids.length; start += settings.block) {
      const end = Math.min(start + settings.block, ids.length);
      await watch.time(() => blocks.next(), end - start);
      yield* ids.subarray(start, end);
    }
  };
  return generatorOf(source, { ids: settings.mask, dispose: () => predictor.dispose() });
}
