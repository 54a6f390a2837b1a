import { type BatchShape, validationWindows } from "../data/index.ts";
import type { Engine, Values } from "../engine/index.ts";
import { createRng } from "../ops/index.ts";
import type { BuiltModel, ObjectiveKind } from "../spec/index.ts";
import { type EvaluationFeed, type EvaluationWindows, type Objective, objectiveLosses } from "./objectives/index.ts";
import { evaluationProgram } from "./programs.ts";

/** Bits per byte of a text under a model. */
export interface Evaluation {
  /** Total nats / ln 2 / UTF-8 bytes of the whole text. */
  bitsPerByte: number;
  kind: Objective["bound"];
  /** Of the Monte-Carlo mean over `draws` (upper bounds only), bits per byte. */
  stdErr?: number;
  draws: number;
}

/** What is evaluated: a text, cut into windows here, or windows of another kind of data. */
export type EvaluationText = ({ ids: Int32Array } | { windows: EvaluationWindows }) & {
  /** UTF-8 bytes that all predicted ids stand for. */
  bytes: number;
};

export interface Evaluator {
  /** Evaluates the parameters that are resident in the engine now. */
  run(): Promise<Evaluation>;
  dispose(): Promise<void>;
}

export interface EvaluatorOptions {
  text: EvaluationText;
  /** Windows that are evaluated at once, and, of a text, their length. */
  shape: Pick<BatchShape, "batch" | "length">;
  /** Monte-Carlo passes of upper bounds. Default 8. */
  draws?: number;
  /** Only so many windows. */
  windows?: number;
}

function shapeOf(text: EvaluationText, { batch, length }: EvaluatorOptions["shape"]): BatchShape {
  if (!("windows" in text)) return { batch, length };
  const { windows } = text;
  return { batch, length: windows.length, ...(windows.source && { sourceLength: windows.source.length }) };
}

/**
 * Compiles the evaluation of a text in windows of `length`, state reset at each window. `windows` limits it to that many
 * windows spread evenly over the text (progress while training); reported figures use the whole split.
 */
export async function createEvaluator(
  engine: Engine,
  built: BuiltModel,
  { text, draws = 8, windows, ...options }: EvaluatorOptions,
): Promise<Evaluator> {
  const shape = shapeOf(text, options.shape);
  const objective = objectiveLosses[built.model.spec.objective.kind as ObjectiveKind];
  const whole =
    "windows" in text ? text.windows : validationWindows(text.ids, shape.length, { multipleOf: shape.batch });
  const chosen = windows === undefined ? whole : spread(whole, Math.ceil(windows / shape.batch) * shape.batch);
  const bytes = text.bytes * (sumOf(chosen.mask) / sumOf(whole.mask));
  const executable = await engine.compile(evaluationProgram(built, objective, shape));
  const rng = createRng(0).fork("evaluation");
  const count = objective.draws({ draws }, built);
  const total = async (draw: number) => {
    const feed = objective.feed(chosen, built, { draw, draws: count, rng });
    let nats = 0;
    for (let first = 0; first < chosen.count; first += shape.batch) {
      const rows = { first, count: shape.batch, of: chosen.count };
      const result = await executable.run(feedsOf(feed, chosen, { rows, masked: objective.masked }));
      nats += result["nats"]![0]!;
    }
    return nats / Math.LN2 / bytes;
  };
  const run = async (): Promise<Evaluation> => {
    const totals: number[] = [];
    for (let draw = 0; draw < count; draw++) totals.push(await total(draw));
    const mean = totals.reduce((sum, value) => sum + value, 0) / count;
    const stdErr = count > 1 ? { stdErr: standardError(totals, mean) } : {};
    return { bitsPerByte: mean, kind: objective.bound, draws: count, ...stdErr };
  };
  return { run, dispose: () => executable.dispose() };
}

/** What the evaluation's graph is fed for some rows of the windows. */
function feedsOf(
  feed: EvaluationFeed,
  { mask, source }: EvaluationWindows,
  { rows, masked }: { rows: RowRange; masked: boolean },
): Values {
  const part = <T extends Rows>(all: T): T => rowsOf(all, rows);
  return {
    inputs: part(feed.ids),
    targets: part(feed.targets),
    weights: part(feed.weights),
    ...(feed.times && { times: part(feed.times) }),
    ...(masked && { mask: part(mask) }),
    ...(source && { source: part(source.ids), sourceMask: part(source.mask) }),
  };
}

/** Deviation of the mean; strata make it smaller than this says. */
function standardError(totals: readonly number[], mean: number): number {
  const variance = totals.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (totals.length - 1);
  return Math.sqrt(variance / totals.length);
}

const sumOf = (mask: Uint8Array): number => mask.reduce((sum, bit) => sum + bit, 0);

type Rows = Int32Array | Float32Array | Uint8Array;

/** `count` rows from `first` on, of an array that holds `of` rows. */
interface RowRange {
  first: number;
  count: number;
  of: number;
}

function rowsOf<T extends Rows>(all: T, { first, count, of }: RowRange): T {
  const size = all.length / of;
  return all.subarray(first * size, (first + count) * size) as T;
}

/** `count` of the windows, evenly spaced. */
function spread(windows: EvaluationWindows, count: number): EvaluationWindows {
  if (count >= windows.count) return windows;
  const pick = <T extends Rows>(all: T): T => {
    const size = all.length / windows.count;
    const into = all.slice(0, count * size) as T;
    for (let i = 0; i < count; i++) {
      const from = Math.floor((i * windows.count) / count) * size;
      into.set(all.subarray(from, from + size), i * size);
    }
    return into;
  };
  const { length, source } = windows;
  return {
    count,
    length,
    inputs: pick(windows.inputs),
    targets: pick(windows.targets),
    mask: pick(windows.mask),
    ...(source && { source: { length: source.length, ids: pick(source.ids), mask: pick(source.mask) } }),
  };
}
