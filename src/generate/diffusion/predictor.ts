import type { Engine } from "../../engine/index.ts";
import type { Model } from "../../model/index.ts";
import { input, iota, type Program, type Tensor } from "../../tensor/index.ts";
import { evaluationIo, inputSource } from "../../train/index.ts";
import { bucketFor } from "../decoding/pieces.ts";
import { ProgramCache } from "../program-cache.ts";

export interface PredictorOptions {
  /** Id of the mask, which is never predicted; absent where the noise has none. */
  mask?: number;
  /** Most places asked for at a time. */
  block: number;
  /** Most tokens the model is shown. */
  context: number;
  programs?: number;
  /** What the model reads of a time f32 [1], where it is told. */
  condition?: (times_B: Tensor) => Tensor | undefined;
}

/** Runs a bidirectional model over a window of a text. */
export class Predictor {
  private readonly model: Model;
  private readonly options: PredictorOptions;
  private readonly programs: ProgramCache;

  constructor(engine: Engine, model: Model, options: PredictorOptions) {
    this.model = model;
    this.options = options;
    this.programs = new ProgramCache(engine, options.programs ?? 16);
  }

  /** Scores of the places start … end − 1, [end − start, C], at most a block; −∞ for a mask. */
  async predict(
    ids: Int32Array,
    range: { start: number; end: number; behind?: number; time?: number },
    signal?: AbortSignal,
  ): Promise<Float32Array> {
    signal?.throwIfAborted();
    const { block, mask, condition } = this.options;
    const window = windowOf(ids, { end: range.end + (range.behind ?? 0), context: this.options.context });
    const length = bucketFor(window.ids.length, this.options.context);
    const padded = window.ids.length < length;
    const program = await this.programs.get(`${length} ${padded}`, () =>
      predictProgram(this.model, { length, padded, places: block, cond_BTD: condition?.(input("time", [1])) }),
    );
    const fed = new Int32Array(length);
    fed.set(window.ids);
    // The program always reads a whole block's places: those in front of a shorter range repeat its first one.
    const places = Int32Array.from(
      { length: block },
      (_, i) => Math.max(range.start, range.end - block + i) - window.start,
    );
    const count = Int32Array.of(window.ids.length);
    const time = range.time !== undefined && { time: Float32Array.of(range.time) };
    const { logits } = await program.run({ ids: fed, places, ...(padded && { count }), ...time });
    const scores = (logits as Float32Array).slice((block - (range.end - range.start)) * this.model.vocabulary);
    if (mask === undefined) return scores;
    for (let at = mask; at < scores.length; at += this.model.vocabulary) scores[at] = Number.NEGATIVE_INFINITY;
    return scores;
  }

  async dispose(): Promise<void> {
    await this.programs.dispose();
  }
}

/**
 * What the model sees while the places before `end` are denoised: the text from its beginning where prompt and masks fit
 * into the context, else the last tokens up to `end`.
 */
export function windowOf(
  ids: Int32Array,
  { end, context }: { end: number; context: number },
): { ids: Int32Array; start: number } {
  const last = Math.min(ids.length, Math.max(end, context));
  const start = Math.max(0, last - context);
  return { ids: ids.subarray(start, last), start };
}

/**
 * Inputs `ids` i32 [1, T], `places` i32 [1, R], `count` i32 [1] (tokens before the padding), `time` f32 [1] where the model is told
 * it; output `logits` [1, R, C].
 */
function predictProgram(
  model: Model,
  {
    length,
    padded,
    places,
    cond_BTD,
  }: { length: number; padded: boolean; places: number; cond_BTD: Tensor | undefined },
): Program {
  const mask_BT = iota(length)
    .unsqueeze(0)
    .less(input("count", [1], "i32").unsqueeze(1));
  const { logits } = model.forward(input("ids", [1, length], "i32"), {
    source: inputSource(),
    io: { ...evaluationIo(), ...(padded && { mask_BT }), ...(cond_BTD && { cond_BTD }) },
    read_BR: input("places", [1, places], "i32"),
  });
  return { outputs: { logits } };
}
