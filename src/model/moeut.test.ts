import { expect, test } from "vitest";
import { compileReference } from "../engine/index.ts";
import { createRng } from "../ops/index.ts";
import { buildSpec, canonicalSpec, loadSpec, type SpecInput } from "../spec/index.ts";
import { input, type Tensor } from "../tensor/index.ts";
import { randomNormal } from "../testing/index.ts";
import { evaluationIo, inputSource } from "../train/index.ts";
import { initialise, type Model, type ModelResult, parameterCount } from "./index.ts";
import { evaluateStack, startOf } from "./stream.fixture.ts";

const [tokens, width, B, T] = [11, 16, 2, 7];

const layer = {
  mixer: {
    kind: "switchhead",
    heads: 2,
    experts: 3,
    norm: "layernorm",
    positions: { kind: "rope", rotaryFraction: 0.5 },
  },
  channel: {
    kind: "moe",
    experts: 5,
    topK: 2,
    routing: "topk-of-sigmoid",
    routerNorm: "layernorm",
    expert: "mlp",
    activation: "relu",
    hidden: 8,
    balanceWeight: 0,
    zWeight: 0,
    entropyWeight: 0.01,
  },
} as const;

const defaults = { norm: { kind: "layernorm" }, placement: "none" } as const;
const specOf = (stack: Pick<SpecInput, "layers" | "loop">) =>
  canonicalSpec({ name: "moeut", width, defaults, ...stack });
const modelOf = (stack: Pick<SpecInput, "layers" | "loop">): Model => buildSpec(specOf(stack), { tokens }).model;

type Values = ReadonlyMap<string, Float32Array>;

function evaluate(model: Model, values: Values, read: (result: ModelResult) => Tensor[]): Float64Array[] {
  const rng = createRng(2);
  const result = model.forward(input("ids", [B, T], "i32"), { source: inputSource(), io: evaluationIo() });
  const ids = Int32Array.from({ length: B * T }, () => rng.below(tokens));
  return compileReference(read(result)).run({ ids, ...Object.fromEntries(values) });
}
const logitsOf = (model: Model, values: Values) => evaluate(model, values, ({ logits }) => [logits])[0]!;

/** Values of a group's layers, also for the layers that stand in their place in a stack without sharing. */
const copied = (values: Values, { group, depth }: { group: number; depth: number }): Values =>
  new Map(
    [...values].flatMap(([path, v]) => {
      const [, index, rest] = /^layers\.(\d+)\.(.*)$/.exec(path) ?? [];
      if (index === undefined) return [[path, v] as const];
      const places = Array.from({ length: depth / group }, (_, round) => Number(index) + group * round);
      return places.map((place) => [`layers.${place}.${rest}`, v] as const);
    }),
  );

test("[moeut] parameters do not depend on depth, whatever the group", () => {
  const count = (repeat: number, times: number) =>
    parameterCount(modelOf({ layers: [{ ...layer, repeat }], loop: { times } }).parameters);
  expect([count(1, 2), count(1, 9)]).toEqual([count(1, 1), count(1, 1)]);
  expect([count(2, 3), count(2, 9)]).toEqual([count(2, 1), count(2, 1)]);
  const shipped = loadSpec("tiny/moeut");
  const deeper = { ...shipped, layers: [...shipped.layers, ...shipped.layers.map((one) => ({ ...one }))] };
  const sharing = deeper.layers.map((one, i) => (i < 2 ? one : { ...one, weights: i % 2 }));
  const counted = (spec: SpecInput) => parameterCount(buildSpec(canonicalSpec(spec), { tokens }).model.parameters);
  expect(counted({ ...shipped, layers: sharing } as SpecInput)).toBe(counted(shipped as SpecInput));
});

test("[moeut] a group of one is the universal transformer with mixtures, a group of two alternates its layers", () => {
  for (const [group, times] of [
    [1, 3],
    [2, 2],
  ] as const) {
    const looped = modelOf({ layers: [{ ...layer, repeat: group }], loop: { times } });
    const plain = modelOf({ layers: [{ ...layer, repeat: group * times }] });
    const values = initialise(looped, 1);
    expect(logitsOf(looped, values)).toEqual(logitsOf(plain, copied(values, { group, depth: group * times })));
  }
  const universal = modelOf({ layers: [{ ...layer, repeat: 3, share: true }] });
  const moeut = modelOf({ layers: [layer], loop: { times: 3 } });
  expect([...universal.parameters.keys()]).toEqual([...moeut.parameters.keys()]);
  const values = initialise(moeut, 1);
  expect(logitsOf(universal, values)).toEqual(logitsOf(moeut, values));
});

test("[moeut] choices are kept even over all rounds together, not in each", () => {
  const times = 3;
  const looped = modelOf({ layers: [layer], loop: { times } });
  const plain = modelOf({ layers: [{ ...layer, repeat: times }] });
  const values = initialise(looped, 1);
  const named = (result: ModelResult) => result.losses.map(({ name }) => name);
  const samples = ({ losses }: ModelResult) => losses.map(({ pool }) => pool!.samples);
  let names: string[] = [];
  const rounds = evaluate(plain, copied(values, { group: 1, depth: times }), (result) => {
    names = named(result);
    return samples(result);
  });
  const losses = evaluate(looped, values, (result) => {
    expect(named(result)).toEqual(names.slice(0, 3));
    return result.losses.map(({ value }) => value);
  });
  expect(names.slice(0, 3)).toEqual([
    "layers.0.mixer.valuesConcentration",
    "layers.0.mixer.outputsConcentration",
    "layers.0.channel.concentration",
  ]);
  const choices = [3, 3, 5];
  losses.forEach(([loss], i) => {
    const own = [0, 1, 2].map((round) => rounds[i + 3 * round]!);
    expect(loss).toBeCloseTo(concentrationOf(own, choices[i]!), 9);
  });
});

/** Minus the entropy of the mean over rounds and a sequence's tokens, mean over sequences and heads. */
function concentrationOf(rounds: readonly Float64Array[], E: number): number {
  const columns = rounds[0]!.length / (B * T);
  const losses = Array.from({ length: B * (columns / E) }, (_, row) => {
    const [b, h] = [Math.floor(row / (columns / E)), row % (columns / E)];
    const likely = Array.from({ length: E }, (_, e) => {
      const all = rounds.flatMap((p) => Array.from({ length: T }, (_, t) => p[(b * T + t) * columns + h * E + e]!));
      return all.reduce((sum, p) => sum + p, 0) / all.length;
    });
    return likely.reduce((sum, p) => sum + p * Math.log(p), 0);
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

test("[moeut] what a layer adds grows with the stream, as no norm stands between them", () => {
  const spec = specOf({ layers: [layer] });
  const x = randomNormal("stream", [B, T, width]);
  const added = (spec: ReturnType<typeof specOf>, scale: number) => {
    const scaled = { ...x, data: Float64Array.from(x.data, (v) => v * scale) };
    const [y] = evaluateStack(spec, startOf(spec), { x: scaled, outputs: ({ after }) => [after.at(-1)!] });
    return y!.map((v, i) => v - scaled.data[i]!);
  };
  const largest = (values: Float64Array) => values.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
  const [once, tenfold] = [added(spec, 100), added(spec, 1000)];
  once.forEach((v, i) => void expect(Math.abs(tenfold[i]! / 10 - v) / largest(once)).toBeLessThan(1e-6));
  const pre = canonicalSpec({ name: "pre", width, defaults: { ...defaults, placement: "pre" }, layers: [layer] });
  expect(largest(added(pre, 1000)) / largest(added(pre, 100))).toBeCloseTo(1, 1);
});
