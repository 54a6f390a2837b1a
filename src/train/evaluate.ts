import { type ValidationWindows, validationWindows } from "../data/index.ts";
import type { Engine } from "../engine/index.ts";
import { createRng } from "../ops/index.ts";
import type { BuiltModel, ObjectiveKind } from "../spec/index.ts";
import { type Objective, objectiveLosses } from "./objectives/index.ts";
import { type BatchShape, evaluationProgram } from "./programs.ts";

/** Bits per byte of a text under a model. */
export interface Evaluation {
  /** Total nats / ln 2 / UTF-8 bytes of the whole text. */
  bitsPerByte: number;
  kind: Objective["bound"];
  /** Of the Monte-Carlo mean over `draws` (upper bounds only), bits per byte. */
  stdErr?: number;
  draws: number;
}

export interface EvaluationText {
  ids: Int32Array;
  /** UTF-8 bytes that the ids stand for. */
  bytes: number;
}

export interface Evaluator {
  /** Evaluates the parameters that are resident in the engine now. */
  run(): Promise<Evaluation>;
  dispose(): Promise<void>;
}

/**
 * Compiles the evaluation of a text in windows of `length`, state reset at each window. `windows` limits it to that many
 * windows spread evenly over the text (progress while training); reported figures use the whole split.
 */
export async function createEvaluator(
  engine: Engine,
  built: BuiltModel,
  { text, shape, draws = 8, windows }: { text: EvaluationText; shape: BatchShape; draws?: number; windows?: number },
): Promise<Evaluator> {
  const objective = objectiveLosses[built.model.spec.objective.kind as ObjectiveKind];
  const whole = validationWindows(text.ids, shape.length, { multipleOf: shape.batch });
  const chosen = windows === undefined ? whole : spread(whole, Math.ceil(windows / shape.batch) * shape.batch);
  const bytes = text.bytes * (sumOf(chosen.mask) / sumOf(whole.mask));
  const executable = await engine.compile(evaluationProgram(built, objective, shape));
  const rng = createRng(0).fork("evaluation");
  const count = objective.draws({ draws });
  const total = async (draw: number) => {
    const feed = objective.feed(chosen, built, { draw, draws: count, rng });
    let nats = 0;
    for (let first = 0; first < chosen.count; first += shape.batch) {
      const part = <T extends { subarray(a: number, b: number): T }>(all: T): T =>
        all.subarray(first * shape.length, (first + shape.batch) * shape.length);
      const feeds = { inputs: part(feed.ids), targets: part(feed.targets), weights: part(feed.weights) };
      const result = await executable.run(objective.masked ? { ...feeds, mask: part(chosen.mask) } : feeds);
      nats += result["nats"]![0]!;
    }
    return nats / Math.LN2 / bytes;
  };
  return {
    run: async () => {
      const totals: number[] = [];
      for (let draw = 0; draw < count; draw++) totals.push(await total(draw));
      const mean = totals.reduce((sum, value) => sum + value, 0) / count;
      return {
        bitsPerByte: mean,
        kind: objective.bound,
        draws: count,
        ...(count > 1 && { stdErr: standardError(totals, mean) }),
      };
    },
    dispose: () => executable.dispose(),
  };
}

/** Deviation of the mean; strata make it smaller than this says. */
function standardError(totals: readonly number[], mean: number): number {
  const variance = totals.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (totals.length - 1);
  return Math.sqrt(variance / totals.length);
}

const sumOf = (mask: Uint8Array): number => mask.reduce((sum, bit) => sum + bit, 0);

/** `count` of the windows, evenly spaced. */
function spread(windows: ValidationWindows, count: number): ValidationWindows {
  if (count >= windows.count) return windows;
  const { length } = windows;
  const pick = <T extends Int32Array | Uint8Array>(all: T, into: T): T => {
    for (let i = 0; i < count; i++) {
      const from = Math.floor((i * windows.count) / count) * length;
      into.set(all.subarray(from, from + length), i * length);
    }
    return into;
  };
  const mask = pick(windows.mask, new Uint8Array(count * length));
  return {
    count,
    length,
    inputs: pick(windows.inputs, new Int32Array(count * length)),
    targets: pick(windows.targets, new Int32Array(count * length)),
    mask,
    predicted: sumOf(mask),
  };
}
