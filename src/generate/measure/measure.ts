import type { Engine } from "../../engine/index.ts";
import type { BuiltModel, ObjectiveKind } from "../../spec/index.ts";
import { fail } from "../../tensor/index.ts";
import { measureAutoregressive } from "./autoregressive.ts";
import { measureDiffusion } from "./diffusion.ts";
import type { Figure } from "./figure.ts";

export interface MeasureOptions {
  /** Ids whose beginning is the timed prompt. */
  prompt: Int32Array;
  /** Tokens of that prompt, fewer where there are not so many or the model's positions end. Default 512. */
  promptTokens?: number;
  /** Tokens timed behind the prompt; diffusion: rounded up to whole blocks. Default 32. */
  tokens?: number;
  /** Contexts at which single tokens are timed, with states of that size but no real text. Default 1,024, 16,384, 262,144. */
  contexts?: readonly number[];
  /** Tokens timed at each context. Default 8. */
  contextTokens?: number;
  /** Tokens written before the clock starts. Default 4. */
  warmup?: number;
  /** Default 3. */
  repeats?: number;
  /** Masked diffusion: tokens that the model was trained to see at once. */
  context?: number;
  /** Told after the prompt and after every context, for instance to read the memory in use. */
  onStage?: (stage: "prompt" | { context: number }) => void;
}

export interface MeasuredContext {
  context: number;
  msPerToken: Figure;
  /** f32 bytes of one sequence's declared state at this context; null where the model has none. */
  stateBytes: number | null;
  /** Bytes of the buffers that held it. */
  allocatedBytes: number | null;
}

/** How fast a model writes one text, greedily. */
export interface DecodingMeasurement {
  /** Until the first token could be drawn; diffusion: until the first block was finished. */
  firstTokenMs: Figure;
  decodeTokensPerS: Figure;
  /** Contexts beyond what the model's positions (or, in diffusion, its window) allow are left out. */
  contexts: MeasuredContext[];
  promptTokens: number;
  /** What a reader must know to compare the figures. */
  note?: string;
}

export type Measure = (
  engine: Engine,
  built: BuiltModel,
  options: Required<Omit<MeasureOptions, "context">> & Pick<MeasureOptions, "context">,
) => Promise<DecodingMeasurement>;

/** How models of each objective are timed. */
const measures: Readonly<Partial<Record<ObjectiveKind, Measure>>> = {
  "next-token": measureAutoregressive,
  "sequence-to-sequence": measureAutoregressive,
  "span-corruption": measureAutoregressive,
  denoising: measureAutoregressive,
  "masked-diffusion": measureDiffusion,
  d3pm: measureDiffusion,
};

const defaults = {
  promptTokens: 512,
  tokens: 32,
  contexts: [1024, 16_384, 262_144],
  contextTokens: 8,
  warmup: 4,
  repeats: 3,
  onStage: () => {},
};

/** Times decoding of one sequence with the parameters that are resident in the engine, after warm-up. */
export async function measureDecoding(
  engine: Engine,
  built: BuiltModel,
  options: MeasureOptions,
): Promise<DecodingMeasurement> {
  const { spec } = built.model;
  const measure = measures[spec.objective.kind as ObjectiveKind];
  if (measure === undefined)
    return fail({
      code: "E_GENERATE",
      where: spec.name,
      expected: `a model that writes: of the objective ${Object.keys(measures).join(", ")}`,
      got: spec.objective.kind,
    });
  return measure(engine, built, { ...defaults, ...options });
}
