import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  checkpointSteps,
  createRun,
  loadCheckpoint,
  openRun,
  type Run,
  readMetrics,
  resumeCheckpoint,
} from "../checkpoints/index.ts";
import { createReferenceEngine } from "../engine/index.ts";
import { buildSpec, canonicalSpec } from "../spec/index.ts";
import {
  bestName,
  createEvaluator,
  createTraining,
  type Evaluator,
  type RunProgress,
  type RunTrainingOptions,
  runTraining,
  scheduleFactor,
  trainingSchema,
} from "./index.ts";

const root = mkdtempSync(join(tmpdir(), "seqlab-run-"));
const engine = createReferenceEngine();
afterAll(async () => {
  await engine.close();
  rmSync(root, { recursive: true });
});

const spec = canonicalSpec({ name: "tiny", width: 8, dropout: 0.1, layers: [{ mixer: { kind: "lstm" } }] });
const built = buildSpec(spec, { tokens: 11 });
const ids = Int32Array.from({ length: 400 }, (_, i) => (i * i) % 11);
const config = trainingSchema.parse({ steps: 12, batch: 2, length: 8 });

const newRun = (name: string): Run =>
  createRun(root, name, { spec: JSON.parse(JSON.stringify(spec)), data: null, protocol: null });

/** Trains a run from its newest checkpoint, or from the start. */
async function train(run: Run, { settings, ...more }: Partial<RunTrainingOptions> & { settings?: object } = {}) {
  const training = await createTraining(engine, built, { ids, config: { ...config, ...settings } });
  if (checkpointSteps(run.path).length > 0) await training.restore(resumeCheckpoint(run));
  const evaluator = await createEvaluator(engine, built, {
    text: { ids: ids.subarray(0, 50), bytes: 50 },
    shape: config,
  });
  const events: RunProgress[] = [];
  const outcome = await runTraining({
    training,
    run,
    evaluator,
    checkpointEverySteps: 5,
    evaluateEverySteps: 4,
    onProgress: (event) => events.push(event),
    ...more,
  });
  await training.dispose();
  return { outcome, events };
}

const bytesOf = (run: Run, step: number): string[] =>
  ["weights.safetensors", "optimizer.safetensors", "state.json"].map((file) => readFileSync(join(run.path, `checkpoints/${step}/${file}`)).toString("base64")); // biome-ignore format: one expression

/** Metrics without what clocks say. */
const measured = (run: Run) => readMetrics(run).map(({ tokensPerS: _, ...rest }) => rest);

const whole = newRun("whole");

test("steps, evaluations and checkpoints come when they are due, and the last step has a checkpoint", async () => {
  const { outcome, events } = await train(whole);
  expect(outcome).toMatchObject({ ended: "finished", step: 12, loss: expect.any(Number) });
  const at = (kind: RunProgress["kind"]) =>
    events
      .filter((event) => event.kind === kind)
      .map((event) => (event.kind === "step" ? event.record.step : event.step));
  expect(at("step")).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  expect(at("evaluation")).toEqual([4, 8, 12]);
  expect(at("checkpoint")).toEqual([5, 10, 12]);
  expect(checkpointSteps(whole.path)).toEqual([10, 12]);
  const records = readMetrics(whole);
  expect(records.filter((record) => "loss" in record).map(({ step }) => step)).toEqual([
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
  ]);
  expect(records.filter((record) => "bitsPerByte" in record).map(({ step }) => step)).toEqual([4, 8, 12]);
});

test.each([1, 4, 5, 7, 11])(
  "asked to stop during step %i it saves behind it, and goes on to the same bytes and metrics",
  async (stop) => {
    const run = newRun(`stopped-${stop}`);
    const controller = new AbortController();
    const onProgress = (event: RunProgress) =>
      event.kind === "step" && event.record.step === stop && controller.abort();
    const { outcome } = await train(run, { signal: controller.signal, onProgress });
    expect(outcome).toMatchObject({ ended: "interrupted", step: stop });
    expect(loadCheckpoint(run).step).toBe(stop);
    expect((await train(run)).outcome).toMatchObject({ ended: "finished", step: 12 });
    expect(bytesOf(run, 12)).toEqual(bytesOf(whole, 12));
    expect(measured(run)).toEqual(measured(whole));
  },
);

test("several steps a call end at evaluations and checkpoints, and change nothing", async () => {
  const run = newRun("together");
  const calls: number[] = [];
  let steps = 0;
  const onProgress = (event: RunProgress) => {
    if (event.kind === "step") steps++;
    else calls.push(steps);
  };
  await train(run, { settings: { stepsPerCall: 3 }, onProgress });
  expect(calls).toEqual([4, 5, 8, 10, 12, 12]);
  expect(bytesOf(run, 12)).toEqual(bytesOf(whole, 12));
  expect(measured(run)).toEqual(measured(whole));
});

describe("evaluations", () => {
  /** An evaluator that reports these figures at its evaluations after 2, 4, … steps. */
  const scripted = (figures: readonly number[], step: () => number): Evaluator => ({
    run: async () => ({ bitsPerByte: figures[step() / 2 - 1]!, kind: "exact", draws: 1 }),
    dispose: async () => {},
  });

  async function watched(run: Run, figures: readonly number[], { stop }: { stop?: number } = {}) {
    const validation = { patience: 2, leastGain: 0, keepBest: true };
    const training = await createTraining(engine, built, { ids, config: { ...config, validation } });
    if (checkpointSteps(run.path).length > 0) await training.restore(resumeCheckpoint(run));
    const controller = new AbortController();
    const outcome = await runTraining({
      training,
      run,
      evaluator: scripted(figures, () => training.step),
      evaluateEverySteps: 2,
      signal: controller.signal,
      onProgress: (event) => event.kind === "step" && event.record.step === stop && controller.abort(),
    });
    await training.dispose();
    return outcome;
  }
  const figures = [5, 3, 4, 3, 2, 1];

  test("that no longer improve end the training; the best one's checkpoint is kept as a run of its own", async () => {
    const run = newRun("stopped-early");
    expect(await watched(run, figures)).toMatchObject({ ended: "stopped", step: 8 });
    expect(checkpointSteps(run.path)).toEqual([8]);
    const best = openRun(run.path, bestName);
    expect(checkpointSteps(best.path)).toEqual([4]);
    expect(best.info).toEqual(run.info);
    expect(Object.keys(loadCheckpoint(best).weights)).toEqual(Object.keys(loadCheckpoint(run).weights));
    expect(await watched(run, figures)).toEqual({ ended: "stopped", step: 8, tokensPerS: 0 });
  });

  test.each([3, 5, 7])("are remembered by a run that was interrupted during step %i", async (stop) => {
    const run = newRun(`early-${stop}`);
    expect(await watched(run, figures, { stop })).toMatchObject({ ended: "interrupted", step: stop });
    expect(await watched(run, figures)).toMatchObject({ ended: "stopped", step: 8 });
    expect(bytesOf(run, 8)).toEqual(bytesOf({ ...run, path: join(root, "stopped-early") }, 8));
    const best = (path: string) => bytesOf(openRun(path, bestName), 4);
    expect(best(run.path)).toEqual(best(join(root, "stopped-early")));
  });

  test("that no longer improve lower the rate, also in a run that was interrupted", async () => {
    const plateau = { factor: 0.5, patience: 0, threshold: 0, thresholdKind: "absolute", cooldown: 0, floorRatio: 0 };
    const settings = { validation: { patience: null, leastGain: 0, keepBest: false, plateau } };
    const rates = async (name: string, stops: readonly number[]) => {
      const run = newRun(name);
      for (const stop of [...stops, undefined]) {
        const training = await createTraining(engine, built, {
          ids,
          config: trainingSchema.parse({ ...config, ...settings }),
        });
        if (checkpointSteps(run.path).length > 0) await training.restore(resumeCheckpoint(run));
        const controller = new AbortController();
        await runTraining({
          ...{ training, run, evaluator: scripted(figures, () => training.step), evaluateEverySteps: 2 },
          signal: controller.signal,
          onProgress: (event) => event.kind === "step" && event.record.step === stop && controller.abort(),
        });
        await training.dispose();
      }
      return {
        run,
        rates: readMetrics(run).flatMap(({ learningRate }) => (learningRate === undefined ? [] : [learningRate])),
      };
    };
    const schedule = (step: number) => scheduleFactor(config.schedule, step - 1, config.steps);
    const whole = await rates("plateau", []);
    const factors = whole.rates.map((rate, i) => (rate as number) / config.optimizer.learningRate / schedule(i + 1));
    // 5, 3, 4, 3: the third and the fourth are no better than the second.
    for (const [i, factor] of [1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25].entries())
      expect(factors[i]).toBeCloseTo(factor, 12);
    const parts = await rates("plateau-parts", [7, 8]);
    expect(parts.rates).toEqual(whole.rates);
    expect(bytesOf(parts.run, 12)).toEqual(bytesOf(whole.run, 12));
  });

  test("that improve to the end change nothing", async () => {
    const run = newRun("improving");
    expect(await watched(run, [6, 5, 4, 3, 2, 1])).toMatchObject({ ended: "finished", step: 12 });
    expect(checkpointSteps(openRun(run.path, bestName).path)).toEqual([12]);
  });
});

test("a damaged last checkpoint is passed over, and made anew", async () => {
  const run = newRun("damaged");
  await train(run);
  writeFileSync(join(run.path, "checkpoints/12/weights.safetensors"), "damaged");
  const { outcome, events } = await train(run);
  expect(outcome.step).toBe(12);
  expect(events.filter((event) => event.kind === "step").map((event) => event.record.step)).toEqual([11, 12]);
  expect(bytesOf(run, 12)).toEqual(bytesOf(whole, 12));
  expect(measured(run)).toEqual(measured(whole));
});

test("a finished run is left as it is", async () => {
  const before = bytesOf(whole, 12);
  const { outcome, events } = await train(whole);
  expect(outcome).toEqual({ ended: "finished", step: 12, tokensPerS: 0 });
  expect(events).toEqual([]);
  expect(bytesOf(whole, 12)).toEqual(before);
});

test("a loss that is not finite names the checkpoint that is kept, or says that there is none", async () => {
  const diverging = {
    ...config,
    schedule: { ...config.schedule, warmupRatio: 0 },
    optimizer: { ...config.optimizer, learningRate: 1e39 },
  };
  const run = newRun("diverged");
  const attempt = async (checkpointEverySteps: number) => {
    const training = await createTraining(engine, built, { ids, config: diverging });
    await runTraining({ training, run, checkpointEverySteps });
  };
  await expect(attempt(100)).rejects.toThrow(
    /expected a finite loss and gradient, got .* No checkpoint was saved before\. \[E_TRAIN_FINITE\]$/,
  );
  await expect(attempt(1)).rejects.toThrow(/The checkpoint of step \d+ is kept in .*diverged\. \[E_TRAIN_FINITE\]$/);
  expect(loadCheckpoint(run).step).toBeGreaterThan(0);
});
