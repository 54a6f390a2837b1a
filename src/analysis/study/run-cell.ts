/** Trains one cell of a study and measures it. */
import { createEngine, type Engine, type EngineKind } from "../../engine/index.ts";
import { type ModelSpec, parameterCount } from "../../model/index.ts";
import { type BuiltModel, buildSpec } from "../../spec/index.ts";
import { assertObjective, type Dataset } from "../../tasks/index.ts";
import { fail, SeqlabError } from "../../tensor/index.ts";
import { createEvaluator, createTraining, type Training } from "../../train/index.ts";
import { equalise } from "../comparison/sizing.ts";
import { trainFlopsPerToken } from "../cost.ts";
import { probeAttention } from "./attention-probe.ts";
import type { AttentionProbe, Cell, CellResult, TestResult } from "./cell.ts";
import { openStudyData } from "./datasets.ts";
import { gradientNorms } from "./gradient-probe.ts";
import type { StudyTest } from "./schema.ts";

export interface CellOptions {
  engine?: EngineKind;
  threads: number;
  signal?: AbortSignal | undefined;
  /** After every step. */
  onStep?: (step: number, loss: number) => void;
}

/** Faults that say a combination has no meaning, not that something broke. */
const meaningless = new Set(["E_TASK_OBJECTIVE", "E_STUDY_LENGTH", "E_SIZE"]);

/** Trains and measures a cell. What has no meaning and what diverges are results; everything else is thrown. */
export async function runCell(cell: Cell, options: CellOptions): Promise<CellResult> {
  const start = performance.now();
  const { config } = cell;
  const dataset = await openStudyData({ ...cell, length: config.length });
  try {
    assertObjective(dataset, cell.spec);
    const sized = sizedSpec(cell, dataset);
    const built = buildSpec(sized.spec, { tokens: dataset.tokens });
    assertLengths(built, cell);
    const found = await withEngine(options, (engine) => trainAndTest(engine, built, { cell, dataset, options }));
    return {
      ...found,
      parameters: parameterCount(built.model.parameters),
      flopsPerToken: trainFlopsPerToken(built, config),
      tuned: sized.tuned,
      tokens: found.steps * config.batch * config.length,
      seconds: (performance.now() - start) / 1000,
    };
  } catch (error) {
    if (!(error instanceof SeqlabError) || !meaningless.has(error.fault.code)) throw error;
    return { ...nothing, outcome: "undefined", reason: `expected ${error.fault.expected}, got ${error.fault.got}` };
  }
}

const nothing: CellResult = {
  ...{ outcome: "undefined", parameters: 0, flopsPerToken: 0, tuned: {}, steps: 0, tokens: 0, curve: [] },
  ...{ meanLoss: Number.NaN, trainLoss: Number.NaN, frequencyNats: Number.NaN, tests: [], seconds: 0 },
};

function sizedSpec({ spec, size }: Cell, { tokens }: Dataset): { spec: ModelSpec; tuned: Record<string, number> } {
  return size === undefined ? { spec, tuned: {} } : equalise(spec, { size, tokens });
}

/** Throws E_STUDY_LENGTH where training windows are longer than positions are defined for. */
function assertLengths({ model }: BuiltModel, { config, spec }: Cell): void {
  if (config.length <= model.limit) return;
  const [expected, got] = [`windows of at most ${model.limit} tokens`, String(config.length)];
  fail({ code: "E_STUDY_LENGTH", where: spec.name, expected, got });
}

async function withEngine<T>(
  { engine: kind = "node", threads }: CellOptions,
  work: (engine: Engine) => Promise<T>,
): Promise<T> {
  const engine = await createEngine(kind, { threads });
  try {
    return await work(engine);
  } finally {
    await engine.close();
  }
}

interface Work {
  cell: Cell;
  dataset: Dataset;
  options: CellOptions;
}

type Found = Omit<CellResult, "parameters" | "flopsPerToken" | "tuned" | "tokens" | "seconds">;

async function trainAndTest(engine: Engine, built: BuiltModel, work: Work): Promise<Found> {
  const { cell, dataset, options } = work;
  const training = await createTraining(engine, built, {
    config: cell.config,
    batches: dataset.batches(built, cell.config),
  });
  const norms = cell.probes.includes("gradients")
    ? await gradientNorms(engine, built, { ...work, ...cell })
    : undefined;
  const { losses, diverged } = await trainAll(training, options);
  const tests = diverged ? [] : await training.evaluated(() => runTests(engine, built, work));
  const attention = diverged ? undefined : await training.evaluated(() => attentionOf(engine, built, work));
  await training.dispose();
  return {
    outcome: diverged ? "diverged" : "trained",
    steps: losses.length,
    ...curveOf(losses),
    frequencyNats: frequencyNats(built, work),
    tests,
    ...(attention && { attention }),
    ...(norms && { gradientNorms: norms }),
  };
}

async function trainAll(
  training: Training,
  { signal, onStep }: CellOptions,
): Promise<{ losses: number[]; diverged: boolean }> {
  const { steps, stepsPerCall } = training.config;
  const losses: number[] = [];
  while (training.step < steps) {
    signal?.throwIfAborted();
    try {
      const records = await training.advanceBy(Math.min(stepsPerCall, steps - training.step));
      losses.push(...records.map(({ loss }) => loss));
    } catch (error) {
      if (error instanceof SeqlabError && error.fault.code === "E_TRAIN_FINITE") return { losses, diverged: true };
      throw error;
    }
    onStep?.(training.step, losses.at(-1)!);
  }
  return { losses, diverged: false };
}

const curvePoints = 40;
const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function curveOf(losses: readonly number[]): Pick<CellResult, "curve" | "meanLoss" | "trainLoss"> {
  const bins = Math.min(curvePoints, losses.length);
  const edge = (bin: number) => Math.floor((bin * losses.length) / bins);
  return {
    curve: Array.from({ length: bins }, (_, bin) => meanOf(losses.slice(edge(bin), edge(bin + 1)))),
    meanLoss: meanOf(losses),
    trainLoss: meanOf(losses.slice(-Math.ceil(losses.length / 10))),
  };
}

const countedBatches = 8;

/** Entropy of the answers' frequencies in the first batches, nats. */
function frequencyNats(built: BuiltModel, { dataset, cell }: Work): number {
  const batches = dataset.batches(built, cell.config);
  const counts = new Map<number, number>();
  let total = 0;
  for (let step = 0; step < countedBatches; step++) {
    const { targets, weights } = batches.batch(step).arrays;
    for (const [i, id] of targets.entries()) {
      if (weights?.[i] === 0) continue;
      counts.set(id, (counts.get(id) ?? 0) + 1);
      total++;
    }
  }
  return [...counts.values()].reduce((sum, count) => sum - (count / total) * Math.log(count / total), 0);
}

async function runTests(engine: Engine, built: BuiltModel, { cell, options }: Work): Promise<TestResult[]> {
  const results: TestResult[] = [];
  for (const test of cell.tests) {
    options.signal?.throwIfAborted();
    const result = await runTest(engine, built, { cell, test });
    if (result) results.push(result);
  }
  return results;
}

/** Undefined where positions are not defined for windows so long. */
async function runTest(
  engine: Engine,
  built: BuiltModel,
  { cell, test }: { cell: Cell; test: StudyTest },
): Promise<TestResult | undefined> {
  const { config, examples } = cell;
  const dataset = await openStudyData({ ...cell, length: config.length, test });
  const text = dataset.validation(built, config);
  const length = "windows" in text ? text.windows.length : (test.window ?? config.length);
  if (length > built.model.limit) return undefined;
  const shape = { batch: config.batch, length };
  const evaluator = await createEvaluator(engine, built, { text, shape, windows: examples });
  const { bitsPerByte, kind } = await evaluator.run();
  await evaluator.dispose();
  const scores = (await dataset.score?.(engine, built, { examples })) ?? [];
  const chance = scores.find((score) => score.chance !== undefined)?.chance;
  return {
    ...{ label: test.label, bits: bitsPerByte, kind },
    scores: Object.fromEntries(scores.map(({ name, value, unit }) => [name, unit === "%" ? value / 100 : value])),
    ...(chance !== undefined && { chance }),
  };
}

const probedRows = 8;

async function attentionOf(engine: Engine, built: BuiltModel, work: Work): Promise<AttentionProbe | undefined> {
  const { cell, dataset } = work;
  if (!cell.probes.includes("attention")) return undefined;
  const { batch, length } = cell.config;
  const { inputs } = dataset.batches(built, cell.config).batch(0).arrays;
  const rows = Math.min(probedRows, batch);
  const chosen = (inputs as Int32Array).slice(0, rows * length);
  return probeAttention(engine, built, { inputs: chosen, batch: rows, length });
}
