/** Text from trained models: decoding with states, sampling, beam search, denoising. */

export { type Alignment, alignmentOf, showsAlignment } from "./alignment.ts";
export { type BeamOptions, beamSearch, type Hypothesis } from "./beam.ts";
export { Decoder, type DecoderOptions, type NextLogits, type StateBytes } from "./decoding/decoder.ts";
export { type AncestralOptions, ancestral } from "./diffusion/ancestral.ts";
export { type DenoisedBlock, type DenoiseOptions, denoise, type Noise, type Predict } from "./diffusion/denoise.ts";
export { noiseOf } from "./diffusion/noise.ts";
export { revealSchedule } from "./diffusion/reveal.ts";
export { absorbingStep, type ReverseStep, uniformStep } from "./diffusion/reverse-steps.ts";
export type { Generation, GenerationRequest, GenerationTiming, Generator } from "./generation.ts";
export { createGenerator, type GeneratorOptions } from "./generator.ts";
export type { Figure } from "./measure/figure.ts";
export { type Latency, type LatencyOptions, measureLatency, throughputOf } from "./measure/latency.ts";
export {
  type DecodingMeasurement,
  type MeasuredContext,
  type MeasureOptions,
  measureDecoding,
} from "./measure/measure.ts";
export { putParameters } from "./parameters.ts";
export {
  createSampler,
  type Draw,
  greedy,
  type Sampler,
  type SamplerConfig,
  type SamplerInput,
  samplerSchema,
} from "./sampling/sampler.ts";
export { logSoftmax, softmax } from "./sampling/softmax.ts";
export { createTranslator, type Translation, type Translator, type TranslatorOptions } from "./translator.ts";
