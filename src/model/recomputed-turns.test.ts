import { describe, expect, test } from "vitest";
import { compileReference, peakBytes } from "../engine/index.ts";
import { grad, storedActivations } from "../grad/index.ts";
import { randomStream } from "../ops/index.ts";
import { buildSpec, canonicalSpec } from "../spec/index.ts";
import { constant, input, inputsOf, softmaxCrossEntropy, type Tensor } from "../tensor/index.ts";
import { nativeEngine, plainIo, randomNormal } from "../testing/index.ts";
import { evaluationIo, inputSource, objectiveLosses, trainingProgram } from "../train/index.ts";
import { initialise, type Model } from "./index.ts";
import { buildLayer, type Extras } from "./layer.ts";
import { runLayer } from "./run-layer.ts";

const [tokens, width] = [9, 8];
const attention = { mixer: { kind: "attention", heads: 2 }, channel: { kind: "swiglu" } };
const built = (layers: readonly object[], options: object = {}) =>
  buildSpec(
    canonicalSpec({ name: "reversible", width, layers, streams: { kind: "reversible" }, ...options } as never),
    { tokens },
  );

const ids = Int32Array.from({ length: 12 }, (_, i) => (5 * i * i + 2) % tokens);
const targets = ids.map((id) => (id + 1) % tokens);

/** Loss and gradients by every parameter, with activations computed anew as training has it, or kept as evaluation has it. */
function gradients(model: Model, mode: "train" | "eval") {
  const source = inputSource();
  const key = { seed: input("random.seed", [], "u32"), step: input("random.step", [], "u32") };
  const io =
    mode === "eval" ? evaluationIo() : ({ mode, rng: (path: string) => randomStream({ ...key, path }) } as const);
  const { logits, losses } = model.forward(input("ids", [2, 6], "i32"), { source, io });
  const main = softmaxCrossEntropy(logits, constant(targets, [2, 6], "i32")).sum();
  const loss = losses.reduce((sum, { value, weight }) => sum.add(value.mul(weight)), main);
  const leaves = [...source.leaves].filter(([path]) => model.parameters.has(path));
  const found = grad(
    loss,
    leaves.map(([, leaf]) => leaf),
  );
  return { loss, paths: leaves.map(([path]) => path), leaves: leaves.map(([, leaf]) => leaf), found };
}

const feedsOf = (model: Model) => ({
  ...Object.fromEntries(initialise(model, 1)),
  ...Object.fromEntries(
    [...model.buffers].map(([path, shape]) => [path, new Float32Array(shape.reduce((a, b) => a * b, 1))]),
  ),
  ids,
  "random.seed": Uint32Array.of(3),
  "random.step": Uint32Array.of(1),
});

function valuesOf(model: Model, mode: "train" | "eval") {
  const { loss, paths, found } = gradients(model, mode);
  const known = paths.filter((_, i) => found[i]);
  const [value, ...rest] = compileReference([loss, ...found.filter((g) => g !== undefined)]).run(feedsOf(model));
  return { loss: value![0]!, byPath: new Map(known.map((path, i) => [path, rest[i]!])) };
}

function expectSame(model: Model): void {
  const [anew, kept] = [valuesOf(model, "train"), valuesOf(model, "eval")];
  expect(anew.loss).toBe(kept.loss);
  expect([...anew.byPath.keys()].sort()).toEqual([...kept.byPath.keys()].sort());
  const largest = Math.max(...[...kept.byPath.values()].flatMap((values) => [...values].map(Math.abs)));
  for (const [path, values] of kept.byPath)
    values.forEach(
      (value, i) => void expect(Math.abs(anew.byPath.get(path)![i]! - value) / largest, path).toBeLessThan(1e-9),
    );
}

/** Whether training keeps no more for a deep stack than for a shallow one. */
const isLean = (layer: object, options: object = {}) =>
  storedBytes(4, layer, options) === storedBytes(2, layer, options);

/** Bytes of activations between the passes. */
function storedBytes(depth: number, layer: object = attention, options: object = {}): number {
  const model = built(new Array(depth).fill(layer), options);
  const shape = { batch: 2, length: 16, ...(model.model.readsSource && { sourceLength: 16 }) };
  const kind = model.model.readsSource ? "sequence-to-sequence" : "next-token";
  const { outputs } = trainingProgram(model, objectiveLosses[kind], shape);
  const leaves = [...inputsOf({ outputs })];
  const parameters = leaves.flatMap(([name, t]) => (`grad:${name}` in outputs ? [t] : []));
  const by = Object.entries(outputs).flatMap(([name, t]) => (name.startsWith("grad:") ? [t] : []));
  return storedActivations([outputs["total"]!], { gradients: by, parameters }).reduce((sum, t) => sum + t.bytes, 0);
}

describe("[reversible-residual] what a turn read is computed from what it left", () => {
  test("[reversible-residual] the streams before a layer are recovered from those behind it to 1e-6", async () => {
    const { model } = built([attention]);
    const layer = buildLayer(model.spec.layers[0]!, { index: 0, width, streams: model.spec.streams });
    const x = input("x", [2, 5, 2, width]);
    const extras: Extras = { state: {}, losses: [], buffers: {}, probes: {}, turns: [] };
    const run = {
      context: { source: inputSource(), io: plainIo("eval") },
      form: "forward",
      dropoutProb: 0,
      extras,
    } as const;
    const y = runLayer(layer, x, run);
    const undo = layer.sublayers[0]!.streams!.component.undo!;
    const before = extras.turns!.toReversed().reduce((after, { output }) => undo(after).before(output), y);
    const feeds = {
      x: Float32Array.from(randomNormal("x", [2, 5, 2, width]).data),
      ...Object.fromEntries(initialise(model, 1)),
    };
    const [recovered] = compileReference([before]).run(feeds);
    recovered!.forEach((value, i) => void expect(Math.abs(value - feeds.x[i]!)).toBeLessThan(1e-6));
    const program = await nativeEngine().compile({ outputs: { before } });
    const { before: native } = await program.run(feeds);
    Array.from(native as Float32Array).forEach(
      (value, i) => void expect(Math.abs(value - feeds.x[i]!)).toBeLessThan(1e-6),
    );
    await program.dispose();
  });

  test.each([1, 2, 5])("[reversible-residual] gradients equal those of stored activations, %d layers", (depth) => {
    expectSame(built(new Array(depth).fill(attention)).model);
  });

  test("[reversible-residual] and on the native engine", async () => {
    const { model } = built([attention, attention, attention]);
    const { loss, paths, found } = gradients(model, "train");
    const outputs = { loss, ...Object.fromEntries(paths.map((path, i) => [path, found[i]!])) };
    const program = await nativeEngine().compile({ outputs });
    const native = await program.run(feedsOf(model));
    await program.dispose();
    const expected = valuesOf(model, "eval");
    expect((native["loss"] as Float32Array)[0]! / expected.loss).toBeCloseTo(1, 5);
    for (const [path, values] of expected.byPath) {
      const largest = Math.max(...[...values].map(Math.abs));
      values.forEach(
        (value, i) =>
          void expect(Math.abs((native[path] as Float32Array)[i]! - value)).toBeLessThan(2e-4 * largest + 1e-5),
      );
    }
  });

  test.each([
    [
      "recurrent layers",
      [{ mixer: { kind: "lstm" } }, { mixer: { kind: "gla", heads: 2 }, channel: { kind: "swiglu" } }],
    ],
    ["experts with a loss of their own", [{ ...attention, channel: { kind: "moe", experts: 4, topK: 2 } }, attention]],
    ["shared weights", [attention, { ...attention, weights: 0 }]],
    ["an ordinary norm behind each", [{ ...attention, norm: { kind: "layernorm" } }, attention]],
  ])("[reversible-residual] also of %s", (_, layers) => expectSame(built(layers).model));

  test("[reversible-residual] what is kept for them does not grow with depth", () => {
    const [one, two, four, sixteen] = [1, 2, 4, 16].map((depth) => storedBytes(depth)) as [
      number,
      number,
      number,
      number,
    ];
    expect(new Set([one, two, four, sixteen]).size).toBe(1);
    const plain = (depth: number) => storedBytes(depth, attention, { streams: undefined });
    expect(plain(4) - plain(2)).toBe((plain(16) - plain(8)) / 4);
    expect(plain(4) - plain(2)).toBeGreaterThan(one);
  });

  test("[reversible-residual] nor do draws, masks or what is computed of an encoder's output", () => {
    expect(isLean(attention, { dropout: 0.1 })).toBe(true);
    const source = { layers: [{ mixer: { kind: "attention", heads: 2, causal: false } }] };
    const options = { encoder: source, objective: { kind: "sequence-to-sequence" } };
    expect(isLean({ ...attention, cross: { kind: "cross-attention", heads: 2 } }, options)).toBe(true);
  });

  test("[reversible-residual] bytes alive at a time when forward and backward pass run grow with depth only by the gradients of weights", () => {
    const peak = (depth: number, options: object = {}) => {
      const model = built(new Array(depth).fill(attention), options);
      const { outputs } = trainingProgram(model, objectiveLosses["next-token"], { batch: 16, length: 64 });
      const weights = Object.entries(outputs).reduce(
        (sum, [name, t]) => (name.startsWith("grad:") ? sum + t.bytes : sum),
        0,
      );
      return peakBytes(Object.values(outputs)) - weights;
    };
    const lean = [2, 4, 8].map((depth) => peak(depth));
    expect(Math.max(...lean) / Math.min(...lean)).toBeLessThan(1.1);
    expect(peak(8, { streams: undefined }) / peak(2, { streams: undefined })).toBeGreaterThan(2.5);
  });

  test("[reversible-residual] dropped units are the same both times", () => {
    const { model } = built([attention, attention], { dropout: 0.3 });
    const { loss, leaves, found } = gradients(model, "train");
    const feeds = Object.fromEntries(Object.entries(feedsOf(model)).map(([name, v]) => [name, Float64Array.from(v)]));
    const path =
      "layers.0.channel.up" in feeds
        ? "layers.0.channel.up"
        : Object.keys(feeds).find((name) => name.startsWith("layers.0.channel"))!;
    const at = leaves.indexOf(inputsOf({ outputs: { loss } }).get(path)!);
    const program = compileReference([loss]);
    const [g] = compileReference([found[at]! as Tensor]).run(feeds);
    for (const i of [0, 3, 11]) {
      const moved = (by: number) =>
        program.run({ ...feeds, [path]: feeds[path]!.map((v, j) => (j === i ? v + by : v)) })[0]![0]!;
      expect(g![i]).toBeCloseTo((moved(1e-5) - moved(-1e-5)) / 2e-5, 6);
    }
  });
});

test("[reversible-residual] streams that cannot be undone, and sublayers that read earlier ones, keep what they need", () => {
  expect(isLean(attention, { streams: { kind: "hyper-connections", streams: 2 } })).toBe(false);
  const residual = { ...attention, mixer: { ...attention.mixer, scoreResidual: true } };
  expectSame(built([residual, residual, residual]).model);
  expect(isLean(residual)).toBe(false);
});

test("[reformer] LSH attention on reversible streams: gradients equal those of stored activations, which do not grow with depth", () => {
  const layer = {
    mixer: { kind: "reformer", heads: 2, chunk: 4, buckets: 4, causal: false },
    channel: { kind: "mlp" },
  };
  const bidirectional = { objective: { kind: "masked-lm" } };
  expectSame(built([layer, layer], bidirectional).model);
});
