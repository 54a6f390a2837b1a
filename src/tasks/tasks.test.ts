import { readdirSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { createNodeEngine } from "../engine/index.ts";
import { buildSpec, canonicalSpec } from "../spec/index.ts";
import { createEvaluator, createTraining, trainingSchema } from "../train/index.ts";
import { codecFromJSON } from "./codec.ts";
import { parseTask, tasks } from "./registry.ts";
import { scoreTask } from "./score.ts";
import { lengthsWithin } from "./sizes.ts";
import { taskBatches, taskWindows } from "./stream.ts";
import { syntheticDataset } from "./synthetic.ts";
import { chance } from "./task.ts";

const copying = parseTask("copy", { symbols: 3 });

describe("the table of tasks", () => {
  test("kinds are file names", () => {
    const files = ["arithmetic", "language", "recall", "state", "strings"].flatMap((folder) =>
      readdirSync(new URL(folder, import.meta.url)).map((file) => file.replace(/\.ts$/, "")),
    );
    for (const [kind, task] of Object.entries(tasks)) {
      expect(files).toContain(kind);
      expect(task.kind).toBe(kind);
      expect(task.cite.arxiv ?? task.cite.url).toBeDefined();
    }
  });

  test("every task has examples within 64 places, by its defaults", () => {
    for (const kind of Object.keys(tasks)) {
      const { task, c } = parseTask(kind);
      const { least, most } = lengthsWithin({ task, c }, 64);
      expect(least, kind).toBeLessThan(most);
      expect(task.window(most, c), kind).toBeLessThanOrEqual(64);
      expect(task.window(most + 1, c) > 64 || most === 64, kind).toBe(true);
      expect(taskWindows({ task, c }, { seed: 1, length: 64, lengths: { least: most }, count: 2 }).count).toBe(2);
    }
  });

  test("unknown kinds and settings are named", () => {
    expect(() => parseTask("revresal")).toThrow(/Did you mean reversal.*E_TASK_KIND/);
    expect(() => parseTask("copy", { symbols: 1 })).toThrow(
      "task.copy.symbols: expected number to be >=2, got 1. [E_TASK_CONFIG]",
    );
    expect(() => parseTask("copy", { symbols: "x" })).toThrow(
      'task.copy.symbols: expected number, got "x". [E_TASK_CONFIG]',
    );
    expect(() => parseTask("copy", { symbol: 4 })).toThrow(
      'task.copy: expected settings of copy (symbols, times), got "symbol". Did you mean symbols? [E_TASK_CONFIG]',
    );
    expect(() => parseTask("copy", { size: 1 })).toThrow(/settings of copy \(symbols, times\)/);
    expect(() => syntheticDataset({ kind: "event-xor", length: 32 })).toThrow(/E_TASK_FEATURES/);
  });
});

describe("streams", () => {
  const options = { seed: 3, batch: 4, length: 16 };

  test("a batch is a function of seed and step, and weighs what is scored", () => {
    const stream = taskBatches(copying, options);
    const { arrays } = stream.batch(7);
    expect(taskBatches(copying, options).batch(7)).toEqual(stream.batch(7));
    expect(stream.batch(8)).not.toEqual(stream.batch(7));
    expect(stream.shapes).toEqual([{ batch: 4, length: 16, weights: true }]);
    for (let row = 0; row < 4; row++) {
      const weights = [...arrays.weights!.subarray(16 * row, 16 * row + 16)];
      const n = weights.filter((weight) => weight === 1).length;
      const ids = [...arrays.inputs.subarray(16 * row, 16 * row + 16)];
      expect(ids.indexOf(3)).toBe(n); // x₁ … xₙ, the separator
      expect(weights).toEqual(ids.map((_, place) => (place >= n && place < 2 * n ? 1 : 0)));
      expect([...arrays.targets.subarray(16 * row + n, 16 * row + 2 * n)]).toEqual(ids.slice(0, n));
    }
  });

  test("a record of the place resumes under the same settings only", () => {
    const stream = taskBatches(copying, options);
    const stored = JSON.parse(JSON.stringify(stream.position(12)));
    expect(stream.resume(stored)).toBe(12);
    expect(() => taskBatches(copying, { ...options, seed: 4 }).resume(stored)).toThrow(/seed.*E_BATCH_POSITION/);
    const other = taskBatches(parseTask("copy"), options);
    expect(() => other.resume(stored)).toThrow(/config.*E_BATCH_POSITION/);
    expect(() => stream.resume({})).toThrow(/E_BATCH_POSITION/);
  });

  test("lengths hold, and what does not fit is refused", () => {
    const { mask } = taskWindows(copying, { seed: 0, length: 20, lengths: { least: 6, most: 8 }, count: 50 });
    const counts = Array.from({ length: 50 }, (_, row) =>
      mask.subarray(20 * row, 20 * row + 20).reduce((a, b) => a + b, 0),
    );
    expect(new Set(counts)).toEqual(new Set([6, 7, 8]));
    expect(() => lengthsWithin(copying, 20, { most: 11 })).toThrow(
      /windows of at least 22 tokens, got 20.*E_TASK_LENGTH/,
    );
    expect(() => lengthsWithin(copying, 20, { least: 0 })).toThrow(/at least 1, got 0/);
    expect(() => lengthsWithin(copying, 1)).toThrow(/E_TASK_LENGTH/);
    expect(() => taskWindows(parseTask("even-pairs"), { seed: 0, length: 3, lengths: { most: 1 }, count: 9 })).toThrow(
      /E_TASK_SPLIT/,
    );
  });
});

test("scores count places and whole examples", () => {
  const windows = {
    count: 2,
    length: 3,
    inputs: new Int32Array(6),
    targets: Int32Array.of(0, 1, 2, 0, 0, 4),
    mask: Uint8Array.of(0, 1, 1, 0, 0, 1),
  };
  expect(scoreTask(windows, [9, 1, 3, 9, 9, 4])).toEqual({ accuracy: 2 / 3, exactMatch: 0.5, places: 3, examples: 2 });
});

describe("questions and answers as pairs", () => {
  const data = syntheticDataset({ kind: "parsing", length: 40, examples: 40 });
  const gru = { mixer: { kind: "gru" } };
  const spec = canonicalSpec({
    name: "pairs",
    width: 16,
    encoder: { layers: [gru], bridge: "state" },
    layers: [gru],
    objective: { kind: "sequence-to-sequence" },
  });
  const built = buildSpec(spec, { tokens: data.tokens });
  const config = trainingSchema.parse({ steps: 1, batch: 8, length: 40, seed: 5 });

  test("encoder–decoders read the same examples as decoders, cut at the separator", () => {
    const decoder = buildSpec(canonicalSpec({ name: "t", width: 8, layers: [gru] }), { tokens: data.tokens });
    const whole = data.validation(decoder, config);
    const cut = data.validation(built, config);
    if (!("windows" in whole && "windows" in cut) || cut.windows.source === undefined) throw new Error("no windows");
    expect(cut.windows.count).toBe(40);
    expect(cut.bytes).toBe([...cut.windows.mask].reduce((sum, bit) => sum + bit, 0) - 40); // the ends
    for (let row = 0; row < 40; row++) {
      const { length: S, ids, mask } = cut.windows.source;
      const source = [...ids.subarray(row * S, row * S + S)].filter((_, place) => mask[row * S + place] === 1);
      const sequence = [...whole.windows.inputs.subarray(row * whole.windows.length, (row + 1) * whole.windows.length)];
      expect(sequence.slice(0, source.length + 1)).toEqual([...source, data.tokens - 1]);
      const target = cut.windows.targets.subarray(row * cut.windows.length);
      expect(data.codec!.decodeTarget(target.subarray(0, 2))).toBe(
        data.held![row]!.target.split(" ").slice(0, 2).join(" "),
      );
    }
  });

  test("batches are a function of the seed, hold no test example, and go on where they were", () => {
    const batches = data.batches(built, config);
    expect(batches.batch(3)).toEqual(data.batches(built, config).batch(3));
    expect(batches.batch(3)).not.toEqual(data.batches(built, { ...config, seed: 6 }).batch(3));
    expect(batches.resume(JSON.parse(JSON.stringify(batches.position(12))))).toBe(12);
    const held = new Set(data.held!.map(({ source }) => source));
    for (let step = 0; step < 20; step++) {
      const { arrays, shape } = batches.batch(step);
      const S = batches.shapes[shape]!.sourceLength!;
      for (let row = 0; row < arrays.source!.length / S; row++) {
        const ids = arrays
          .source!.subarray(row * S, (row + 1) * S)
          .filter((_, i) => arrays.sourceMask![row * S + i] === 1);
        expect(held).not.toContain(data.codec!.decodeTarget(ids));
      }
    }
  });

  test("symbols go by their names, or by their numbers", () => {
    const codec = codecFromJSON(JSON.parse(JSON.stringify(data.codec!.toJSON())));
    expect(codec.decodeTarget(codec.encodeSource(" Ann  left "))).toBe("Ann left");
    expect(() => codec.encodeSource("Ann lef")).toThrow(/"lef"\. Did you mean left\?.*E_TASK_SYMBOL/);
    const copied = syntheticDataset({ kind: "copy", length: 16 });
    expect([...copied.codec!.encodeSource("3 1 4")]).toEqual([3, 1, 4]);
    expect(copied.codec!.pieces([2, 99])).toEqual(["2", ""]);
    expect(syntheticDataset({ kind: "dyck", length: 16 }).codec).toBeUndefined();
  });
});

describe("training on a task", () => {
  const engine = createNodeEngine({ threads: 1 });
  afterAll(() => engine.close());

  test("moves a model from chance to nearly always right, on examples that it never saw", async () => {
    const data = syntheticDataset({ kind: "memorisation", settings: { keys: 8 }, length: 16, examples: 70 });
    const layers = [{ mixer: { kind: "lstm" } }];
    const built = buildSpec(canonicalSpec({ name: "t", width: 32, layers }), { tokens: data.tokens });
    const optimizer = { kind: "adamw", learningRate: 0.01 } as const;
    const config = trainingSchema.parse({ steps: 150, batch: 16, length: 16, optimizer });
    const training = await createTraining(engine, built, { config, batches: data.batches(built, config) });
    const scores = async () => (await data.score!(engine, built)).map(({ value }) => value);
    const [before] = await scores();
    expect(before).toBeLessThan(0.4);
    for (let step = 0; step < 150; step++) await training.advance();
    const [exact, accuracy] = await scores();
    expect(accuracy).toBeGreaterThan(0.97);
    expect(exact).toBeGreaterThan(0.8);
    const evaluator = await createEvaluator(engine, built, { text: data.validation(built, config), shape: config });
    expect((await evaluator.run()).bitsPerByte).toBeLessThan(0.5); // from log₂ 8 = 3
    expect(data.facts).toMatchObject({ task: "memorisation", chance: 1 / 8, settings: { keys: 8, mapSeed: 0 } });
  });

  test("a state alone carries a sequence from encoder to decoder, written answers are scored as a whole", async () => {
    const lengths = { least: 4, most: 4 };
    const data = syntheticDataset({ kind: "copy", settings: { symbols: 4 }, length: 10, lengths, examples: 25 });
    const gru = { mixer: { kind: "gru" } };
    const sizes = { width: 48, encoder: { layers: [gru], bridge: "state" }, layers: [gru] } as const;
    const spec = canonicalSpec({ name: "t", ...sizes, objective: { kind: "sequence-to-sequence" } });
    const built = buildSpec(spec, { tokens: data.tokens });
    const config = trainingSchema.parse({
      ...{ steps: 200, batch: 32, length: 10 },
      optimizer: { kind: "adamw", learningRate: 0.01 },
    });
    const training = await createTraining(engine, built, { config, batches: data.batches(built, config) });
    const exact = async () => (await data.score!(engine, built))[0]!;
    expect(await exact()).toMatchObject({ name: "exact match", signature: "25 test examples, greedy" });
    expect((await exact()).value).toBeLessThan(0.2);
    for (let step = 0; step < 200; step++) await training.advance();
    expect((await exact()).value).toBeGreaterThan(0.8);
    await training.dispose();
  });

  test("test lengths may be longer than those of training", () => {
    const data = syntheticDataset({
      kind: "parity",
      length: 12,
      lengths: { least: 6, most: 11 },
      testLengths: { least: 30, most: 40 },
    });
    const built = buildSpec(canonicalSpec({ name: "t", width: 8, layers: [{ mixer: { kind: "lstm" } }] }), {
      tokens: 3,
    });
    const text = data.validation(built, trainingSchema.parse({ steps: 1, batch: 8, length: 12 }));
    expect("windows" in text && text.windows.length).toBe(41);
    expect(chance(parseTask("parity").task, { symbols: 2 })).toBe(0.5);
  });
});
