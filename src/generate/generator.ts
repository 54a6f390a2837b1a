import type { Engine } from "../engine/index.ts";
import type { BuiltModel, ObjectiveKind } from "../spec/index.ts";
import { fail } from "../tensor/index.ts";
import { autoregressiveGenerator } from "./decoding/autoregressive.ts";
import { spanGenerator } from "./decoding/spans.ts";
import { diffusionGenerator } from "./diffusion/generator.ts";
import type { Sampler } from "./diffusion/writers.ts";
import type { Generator } from "./generation.ts";

export interface GeneratorOptions {
  /** Id that stands for an empty prompt of a next-token model, which must be given something to continue. Default 0. */
  start?: number;
  /**
   * Tokens that the model was trained to see at once: masked diffusion is shown the last ones of prompt and text. Default:
   * the limit of its position scheme, else 512. Next-token models read everything.
   */
  context?: number;
  /** Most compiled programs held at a time, default 16. */
  programs?: number;
  /** Diffusion: denoising steps per block instead of the spec's. */
  steps?: number;
  /** Masked diffusion: which sampler instead of the spec's. */
  sampler?: Sampler;
  /** Diffusion with a mask: strength of classifier-free guidance by the prompt, default 0 (none). */
  guidance?: number;
}

type MakeGenerator = (engine: Engine, built: BuiltModel, options: GeneratorOptions) => Generator;

/** How models of each objective write. */
const makers: Readonly<Partial<Record<ObjectiveKind, MakeGenerator>>> = {
  "next-token": autoregressiveGenerator,
  "sequence-to-sequence": autoregressiveGenerator,
  "span-corruption": spanGenerator,
  denoising: autoregressiveGenerator,
  "masked-diffusion": diffusionGenerator,
  d3pm: diffusionGenerator,
};

/**
 * Makes a model write. Its parameters must be resident in the engine under their paths: a trainer leaves them there, or
 * `putParameters` puts them. Throws E_DECODE where a next-token model cannot be decoded, E_GENERATE for a model that does not
 * write and for settings of diffusion where it writes from left to right.
 */
export function createGenerator(engine: Engine, built: BuiltModel, options: GeneratorOptions = {}): Generator {
  const { spec } = built.model;
  const make = makers[spec.objective.kind as ObjectiveKind];
  if (make === undefined)
    return fail({
      code: "E_GENERATE",
      where: spec.name,
      expected: `a model that writes: of the objective ${Object.keys(makers).join(", ")}`,
      got: spec.objective.kind,
    });
  if (make !== diffusionGenerator) assertNoDiffusion(options, spec.name);
  return make(engine, built, options);
}

/** They would change nothing. */
function assertNoDiffusion({ steps, sampler, guidance }: GeneratorOptions, where: string): void {
  const given = Object.entries({ steps, sampler, guidance }).find(([, value]) => value !== undefined);
  if (given === undefined) return;
  fail({
    code: "E_GENERATE",
    where,
    expected: `a model of diffusion for the setting "${given[0]}"`,
    got: "a model that writes from left to right",
    hint: "Leave the setting out.",
  });
}
