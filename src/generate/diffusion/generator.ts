import type { Engine } from "../../engine/index.ts";
import { createRng } from "../../ops/index.ts";
import type { BuiltModel } from "../../spec/index.ts";
import { type GenerationRequest, type Generator, generatorOf, type TokenSource } from "../generation.ts";
import type { GeneratorOptions } from "../generator.ts";
import { samplerSchema } from "../sampling/sampler.ts";
import { denoise } from "./denoise.ts";
import { noiseOf } from "./noise.ts";
import { Predictor } from "./predictor.ts";

const defaultContext = 512;

/** Writes block by block by denoising: low-confidence remasking, prompts kept as they are. The spec's objective sets block and steps. */
export function diffusionGenerator(engine: Engine, built: BuiltModel, { context, programs, guidance }: GeneratorOptions): Generator {
  const { model, extraTokens } = built;
  const [mask, block, steps] = [extraTokens["mask"]!, model.spec.objective["block"] as number, model.spec.objective["steps"] as number];
  const seen = context ?? Math.min(model.limit, defaultContext);
  const predictor = new Predictor(engine, model, { mask, block: Math.min(block, seen), context: seen, ...(programs !== undefined && { programs }) });
  const source: TokenSource = async function* (request, watch) {
    const { prompt, tokens } = request;
    const ids = new Int32Array(prompt.length + tokens).fill(mask);
    ids.set(prompt);
    const blocks = denoise(ids, (all, range) => predictor.predict(all, range, request.signal), {
      vocabulary: model.vocabulary,
      mask,
      start: prompt.length,
      block: Math.min(block, seen),
      steps,
      temperature: temperatureOf(request),
      remasking: "low-confidence",
      guidance,
      noise: noiseOf(createRng(request.seed ?? 0).fork("denoise"), model.vocabulary),
    });
    for (let start = prompt.length; start < ids.length; ) {
      const { value } = await watch.time(() => blocks.next(), Math.min(block, ids.length - start));
      const { end } = value!;
      yield* ids.subarray(start, end);
      start = end;
    }
  };
  return generatorOf(source, { ids: mask, dispose: () => predictor.dispose() });
}

const temperatureOf = ({ sampler }: GenerationRequest): number => samplerSchema.parse(sampler ?? {}).temperature;
