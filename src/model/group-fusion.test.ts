import { describe, expect, test } from "vitest";
import { compileReference } from "../engine/index.ts";
import { grad } from "../grad/index.ts";
import { createRng } from "../ops/index.ts";
import { buildSpec, canonicalSpec, type SpecInput } from "../spec/index.ts";
import { input, softmaxCrossEntropy } from "../tensor/index.ts";
import { nativeEngine, randomNormal } from "../testing/index.ts";
import { modelSuite } from "../testing/model-suite.ts";
import { createTraining, evaluationIo, inputSource, trainingSchema } from "../train/index.ts";
import { initialise, type Model, parameterCount } from "./index.ts";

const [tokens, width] = [9, 16];
const attention = { kind: "attention", heads: 2, positions: { kind: "rope" } } as const;
const layer = { mixer: attention, channel: { kind: "mlp", hidden: 16 } } as const;

const modelOf = (depth: number, options: Partial<SpecInput> = {}): Model =>
  buildSpec(canonicalSpec({ name: "groups", width, layers: [{ ...layer, repeat: depth }], ...options }), { tokens })
    .model;

type Values = ReadonlyMap<string, Float32Array>;
const ids = Int32Array.from({ length: 12 }, (_, i) => createRng(i).below(tokens));

function logitsOf(model: Model, values: Values): Float64Array {
  const { logits } = model.forward(input("ids", [2, 6], "i32"), { source: inputSource(), io: evaluationIo() });
  return compileReference([logits]).run({ ids, ...Object.fromEntries(values) })[0]!;
}

/** Encoder and decoder so deep, fused in groups of six. */
const translator = (encoder: number, decoder: number): SpecInput => ({
  ...{ name: "deep", width, objective: { kind: "sequence-to-sequence" }, history: { kind: "group-fusion", layers: 6 } },
  encoder: {
    layers: [{ ...layer, mixer: { ...attention, causal: false }, repeat: encoder }],
    history: { kind: "group-fusion", layers: 6 },
  },
  layers: [{ ...layer, cross: { kind: "cross-attention", heads: 2 }, repeat: decoder }],
});

describe("a translator with fused groups", () => modelSuite(canonicalSpec(translator(3, 2))));

describe("groups of layers, fused behind the last", () => {
  test("[gtrans] one group with all weight on its top layer is the plain stack, and so are groups with all weight on the top one", () => {
    const plain = logitsOf(modelOf(4), initialise(modelOf(4), 1));
    for (const layers of [4, 2]) {
      const model = modelOf(4, { history: { kind: "group-fusion", layers } });
      const values = new Map(initialise(model, 1));
      expect(logitsOf(model, values)).not.toEqual(plain);
      const top = (length: number) => Float32Array.from({ length }, (_, i) => (i === length - 1 ? 60 : 0));
      values.set("history.inside", top(4)).set("history.between", top(4 / layers));
      logitsOf(model, values).forEach((v, i) => void expect(v).toBeCloseTo(plain[i]!, 10));
    }
  });

  test("[gtrans] weights are normalised inside and between groups: any weights leave a stream that all layers share as it is", () => {
    // Layers that write nothing leave the embedding everywhere.
    const model = modelOf(5, { history: { kind: "group-fusion", layers: 2 } });
    expect(parameterCount(model.parameters) - parameterCount(modelOf(5).parameters)).toBe(5 + 3);
    const values = new Map(initialise(model, 1));
    for (const path of values.keys())
      if (/mixer\.out$|channel\.down$/.test(path))
        values.set(
          path,
          values.get(path)!.map(() => 0),
        );
    const plain = logitsOf(model, values);
    values.set("history.inside", Float32Array.from(randomNormal("inside", [5]).data));
    values.set("history.between", Float32Array.from(randomNormal("between", [3]).data));
    logitsOf(model, values).forEach((v, i) => void expect(v).toBeCloseTo(plain[i]!, 10));
  });

  test("[gtrans] 24 layers train", async () => {
    const built = buildSpec(
      canonicalSpec({
        ...{ name: "deep", width, layers: [{ ...layer, repeat: 24 }] },
        history: { kind: "group-fusion", layers: 6 },
      }),
      { tokens },
    );
    const config = trainingSchema.parse({
      ...{ batch: 4, length: 12, steps: 25 },
      optimizer: { kind: "adamw", learningRate: 0.01 },
    });
    const corpus = Int32Array.from({ length: 400 }, (_, i) => (i * i) % tokens);
    const training = await createTraining(nativeEngine(), built, { ids: corpus, config });
    const losses: number[] = [];
    while (losses.length < config.steps) losses.push((await training.advance()).loss);
    await training.dispose();
    expect(losses.at(-1)).toBeLessThan(0.7 * losses[0]!);
  });

  test("[deep-nmt-60-36] 60 encoder and 36 decoder layers with fused groups: every gradient is finite, and a step along them lowers the loss", () => {
    const { model } = buildSpec(canonicalSpec(translator(60, 36)), { tokens });
    expect(model.layers).toHaveLength(96);
    const values = initialise(model, 1);
    const source = inputSource();
    const row = (name: string) => input(name, [1, 4], "i32");
    const { logits } = model.forward(row("inputs"), { source, io: evaluationIo(), from: { ids_BS: row("source") } });
    const loss = softmaxCrossEntropy(logits, row("targets")).mean();
    const paths = [...source.leaves.keys()];
    const gradients = grad(loss, [...source.leaves.values()]).map((g) => g!);
    const program = compileReference([loss, ...gradients]);
    const ids = {
      source: Int32Array.of(5, 2, 7, 1),
      inputs: Int32Array.of(0, 1, 7, 2),
      targets: Int32Array.of(1, 7, 2, 5),
    };
    const [before, ...found] = program.run({ ...ids, ...Object.fromEntries(values) });
    expect(found.every((one) => one.every(Number.isFinite))).toBe(true);
    expect(found.filter((one) => one.every((v) => v === 0))).toEqual([]);
    const norm = Math.sqrt(found.flatMap((one) => [...one]).reduce((sum, v) => sum + v * v, 0));
    const step = new Map(
      paths.map((path, i) => [path, values.get(path)!.map((v, j) => v - (0.02 / norm) * found[i]![j]!)]),
    );
    const [after] = compileReference([loss]).run({ ...ids, ...Object.fromEntries(step) });
    expect(after![0]).toBeLessThan(before![0]!);
  });
});
