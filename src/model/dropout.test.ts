import { expect, test } from "vitest";
import { createNodeEngine, runReference } from "../engine/index.ts";
import { createRng, randomStream } from "../ops/index.ts";
import { buildSpec, canonicalSpec } from "../spec/index.ts";
import { input, ones } from "../tensor/index.ts";
import { nativeEngine, randomNormal } from "../testing/index.ts";
import { createEvaluator, createTraining, inputSource, trainingSchema } from "../train/index.ts";
import { dropout } from "./dropout.ts";

const key = { seed: input("seed", [], "u32"), step: input("step", [], "u32") };
const io = (mode: "train" | "eval", path = "a") => ({
  mode,
  rng: (label: string) => randomStream({ ...key, path: `${path}.${label}` }),
});
const draw = (prob: number, { seed = 1, step = 0, path = "a" } = {}) =>
  runReference([dropout(ones([200, 100]), prob, { io: io("train", path), path })], { seed: [seed], step: [step] })[0]!;

test("[dropout] the mean is preserved, kept elements are divided by 1 − p, and the share of zeros is p", () => {
  const y = draw(0.3);
  const zeros = y.filter((value) => value === 0).length / y.length;
  expect(Math.abs(zeros - 0.3)).toBeLessThan(0.01);
  expect(Math.abs(y.reduce((sum, value) => sum + value, 0) / y.length - 1)).toBeLessThan(0.02);
  expect(new Set(y.filter((value) => value !== 0))).toEqual(new Set([1 / 0.7]));
});

test("[dropout] outside training it is the identity", () => {
  const x = ones([3]);
  expect(dropout(x, 0.5, { io: io("eval"), path: "a" })).toBe(x);
});

test("[dropout] the mask depends on seed, step and path, and on nothing else", () => {
  const base = draw(0.5);
  expect(draw(0.5)).toEqual(base);
  for (const other of [{ seed: 2 }, { step: 1 }, { path: "b" }]) {
    const same = draw(0.5, other).filter((value, i) => value === base[i]).length / base.length;
    expect(Math.abs(same - 0.5)).toBeLessThan(0.02);
  }
});

test("[dropout] the native engine draws the same bits", async () => {
  const engine = createNodeEngine({ threads: 1 });
  const y = dropout(ones([50, 20]), 0.4, { io: io("train"), path: "a" });
  const executable = await engine.compile({ outputs: { y } });
  const native = (await executable.run({ seed: Uint32Array.of(7), step: Uint32Array.of(9) }))["y"]!;
  await engine.close();
  const reference = runReference([y], { seed: [7], step: [9] })[0]!;
  expect([...native].map((value) => value > 0)).toEqual([...reference].map((value) => value > 0));
});

const layer = (weightDropout = 0) =>
  ({
    mixer: { kind: "attention", heads: 2, positions: { kind: "rope" }, weightDropout },
    channel: { kind: "mlp" },
  }) as const;
const symbols = 8;

test("[dropout] embedding, outputs of sublayers and attention weights are dropped in training where the spec says so, in evaluation never", () => {
  const logits = (options: { dropout?: number; weightDropout?: number }, mode: "train" | "eval") => {
    const spec = { name: "d", width: 16, layers: [layer(options.weightDropout)], dropout: options.dropout ?? 0 };
    const { model } = buildSpec(canonicalSpec(spec), { tokens: symbols });
    const context = { source: inputSource(), io: { mode, rng: (path: string) => randomStream({ ...key, path }) } };
    const traced = model.forward(input("ids", [1, 12], "i32"), context);
    const values = [...model.parameters].map(([path, { shape }]) => [path, randomNormal(path, shape, 0.3).data]);
    const feeds = { ids: Array.from({ length: 12 }, (_, t) => t % symbols), seed: [3], step: [1] };
    return runReference([traced.logits], { ...feeds, ...Object.fromEntries(values) })[0]!;
  };
  const bare = logits({}, "eval");
  for (const options of [{ dropout: 0.2 }, { weightDropout: 0.2 }]) {
    expect(logits(options, "eval")).toEqual(bare);
    expect(logits(options, "train")).not.toEqual(bare);
    expect(logits(options, "train")).toEqual(logits(options, "train"));
  }
  expect(logits({}, "train")).toEqual(bare);
});

/** Each symbol is mostly followed by one other. */
function chain(length: number, seed: number): Int32Array {
  const rng = createRng(seed);
  let symbol = 0;
  return Int32Array.from({ length }, () => {
    symbol = rng.uniform() < 0.6 ? (3 * symbol + 1) % symbols : rng.below(symbols);
    return symbol;
  });
}

test("[dropout] on tiny data the validation loss is lower with it than without, for every seed", async () => {
  const engine = nativeEngine();
  const text = { ids: chain(512, 99), bytes: 512 };
  const validated = async (prob: number, seed: number) => {
    const spec = { name: "d", width: 32, layers: [{ ...layer(prob), repeat: 2 }], dropout: prob };
    const built = buildSpec(canonicalSpec(spec), { tokens: symbols });
    const config = trainingSchema.parse({ steps: 80, batch: 8, length: 16, seed, optimizer: { learningRate: 0.005 } });
    const training = await createTraining(engine, built, { ids: chain(200, 1), config });
    while (training.step < config.steps) await training.advance();
    const evaluator = await createEvaluator(engine, built, { text, shape: config });
    const { bitsPerByte } = await evaluator.run();
    await evaluator.dispose();
    await training.dispose();
    return bitsPerByte;
  };
  for (const seed of [1, 2, 3]) {
    const [without, dropped] = [await validated(0, seed), await validated(0.3, seed)];
    expect(dropped, `${dropped} against ${without}`).toBeLessThan(without - 0.05);
  }
}, 60_000);
