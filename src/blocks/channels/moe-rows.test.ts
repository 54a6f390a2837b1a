import { describe, expect, test } from "vitest";
import { capacityDispatch, expertInformation, routeByHash, routeTopK } from "../../ops/index.ts";
import { buildSpec, canonicalSpec, type SpecInput } from "../../spec/index.ts";
import { constant, iota, type Tensor } from "../../tensor/index.ts";
import {
  drawParameters,
  expectSameFunction,
  plainIo,
  randomNormal,
  run,
  type Subject,
  weightsFrom,
} from "../../testing/index.ts";
import { expertPasses } from "./experts.ts";
import { moe } from "./moe.ts";

const numbers = (build: () => Tensor): number[] => [...run({ inputs: {}, build: () => ({ y: build() }) }).y!.data];

test("[load-balance-losses] information is log E where tokens are sure and experts even, 0 where choices do not depend on tokens", () => {
  const E = 4;
  const sure = constant(
    Array.from({ length: 8 * E }, (_, i) => (Math.floor(i / E) % E === i % E ? 1 : 0)),
    [8, E],
  );
  expect(numbers(() => expertInformation(sure))[0]).toBeCloseTo(Math.log(E), 9);
  const row = [0.1, 0.2, 0.3, 0.4];
  const same = constant(Array.from({ length: 8 }, () => row).flat(), [8, E]);
  expect(numbers(() => expertInformation(same))[0]).toBeCloseTo(0, 12);
  // Padding counts for nothing.
  const real = constant([1, 1, 1, 1, 0, 0, 0, 0], [8]);
  const half = constant([...numbers(() => sure).slice(0, 4 * E), ...row, ...row, ...row, ...row], [8, E]);
  expect(numbers(() => expertInformation(half, { real }))[0]).toBeCloseTo(Math.log(E), 9);
});

describe("serving orders", () => {
  const [N, E] = [40, 4];
  const logits = constant(randomNormal("priorities", [N, E]).data, [N, E]);
  const routing = routeTopK(logits, { k: 2, renormalise: false });
  const of = (t: Tensor): number[][] => {
    const data = numbers(() => t.cast("f32"));
    return Array.from({ length: N }, (_, n) => data.slice(2 * n, 2 * n + 2));
  };

  test("[v-moe] of an expert's first choices those of greatest weight are served, and enough slots serve all", () => {
    const capacity = 5;
    const { served_NK } = capacityDispatch({
      chosen_NKE: routing.chosen_NKE,
      weights_NK: routing.weights_NK,
      sequences: 1,
      capacity,
      order: "priority",
    });
    const [served, experts, weights] = [of(served_NK!), of(routing.experts_NK), of(routing.weights_NK)];
    for (let e = 0; e < E; e++) {
      const first = experts.flatMap((chosen, n) => (chosen[0] === e ? [n] : []));
      first.sort((a, b) => weights[b]![0]! - weights[a]![0]!);
      expect(first.length).toBeGreaterThan(capacity);
      expect(first.map((n) => served[n]![0])).toEqual(first.map((_, rank) => (rank < capacity ? 1 : 0)));
    }
    expectSameFunction(mixture({ experts: E, capacityFactor: E, order: "priority" }), mixture({ experts: E }));
  });

  test("first choices all come before second ones, each in the order of tokens", () => {
    const { served_NK } = capacityDispatch({
      chosen_NKE: routing.chosen_NKE,
      sequences: 1,
      capacity: 12,
      order: "choices",
    });
    const [served, experts] = [of(served_NK!), of(routing.experts_NK)];
    for (let e = 0; e < E; e++) {
      const queue = [0, 1].flatMap((k) => experts.flatMap((chosen, n) => (chosen[k] === e ? [served[n]![k]!] : [])));
      expect(queue).toEqual(queue.map((_, place) => (place < 12 ? 1 : 0)));
    }
  });
});

type Config = Partial<ReturnType<typeof moe.config.parse>>;
const D = 6;

function mixture(config: Config): Subject {
  const c = moe.config.parse({ hidden: 5, ...config });
  const d = moe.dims(c, D);
  return {
    inputs: { x: randomNormal("tokens", [2, 12, D]), ...drawParameters(moe.params(d, c)) },
    build: ({ x, ...tensors }) => {
      const p = weightsFrom(tensors) as Parameters<typeof moe.forward>[1]["p"];
      return { y: moe.forward(x!, { c, d, p, b: {}, io: plainIo("train") }).y };
    },
  };
}

test("[glam] with a mixture in every other layer, active parameters are all but those of experts that are not chosen", () => {
  const [experts, topK, hidden, width] = [64, 2, 8, 16];
  const attention = { kind: "attention", heads: 2 } as const;
  const layers = [
    { mixer: attention, channel: { kind: "swiglu", hidden } },
    { mixer: attention, channel: { kind: "moe", experts, topK, hidden } },
    { mixer: attention, channel: { kind: "swiglu", hidden } },
    { mixer: attention, channel: { kind: "moe", experts, topK, hidden } },
  ];
  const { model } = buildSpec(canonicalSpec({ name: "glam", width, layers } as SpecInput), { tokens: 10 });
  const all = [...model.parameters.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const expert = 3 * width * hidden;
  expect(all - model.activeParameters).toBe(2 * (experts - topK) * expert);
  const parts = model.layers.map(({ parameters, activeParameters }) => [parameters, activeParameters] as const);
  expect(parts.map(([total, active]) => total - active)).toEqual([0, 62 * expert, 0, 62 * expert]);
});

test("[heterogeneous-layers] layers of other widths, kinds and residuals count as the sum of their parts", () => {
  const width = 16;
  const layers = [
    { mixer: { kind: "attention", heads: 4 }, channel: { kind: "swiglu", hidden: 24 } },
    { mixer: { kind: "gru" }, channel: { kind: "none" }, residual: { kind: "highway" } },
    { mixer: { kind: "attention", heads: 2, kvHeads: 1 }, channel: { kind: "mlp", hidden: 40, bias: true } },
    { mixer: { kind: "short-conv" }, channel: { kind: "moe", experts: 3, hidden: 8 }, norm: { kind: "layernorm" } },
  ];
  const build = (own: typeof layers) => {
    const { model } = buildSpec(canonicalSpec({ name: "mixed", width, layers: own } as SpecInput), { tokens: 10 });
    const sizes = [...model.parameters.values()].map(({ shape }) => shape.reduce((a, b) => a * b, 1));
    return { model, all: sizes.reduce((sum, size) => sum + size, 0) };
  };
  const alone = layers.map((layer) => build([layer]));
  const { model, all } = build(layers);
  model.layers.forEach((layer, i) => void expect(layer.parameters).toBe(alone[i]!.model.layers[0]!.parameters));
  const rest = alone[0]!.all - alone[0]!.model.layers[0]!.parameters;
  expect(all).toBe(rest + model.layers.reduce((sum, { parameters }) => sum + parameters, 0));
});

test("a hash spreads ids over experts, the same ones whenever it is asked", () => {
  const [vocabulary, experts, k] = [600, 5, 2];
  const options = { vocabulary, experts, k };
  const ids = iota(vocabulary);
  const chosen = numbers(() => routeByHash(ids, options).experts_NK.cast("f32"));
  expect(numbers(() => routeByHash(ids, options).experts_NK.cast("f32"))).toEqual(chosen);
  expect(numbers(() => routeByHash(ids, { ...options, seed: 1 }).experts_NK.cast("f32"))).not.toEqual(chosen);
  const counts = Array.from({ length: experts }, (_, e) => chosen.filter((expert) => expert === e).length);
  for (const count of counts) expect(Math.abs(count / (vocabulary * k) - 1 / experts)).toBeLessThan(0.05);
  for (let n = 0; n < vocabulary; n++) expect(chosen[2 * n]).not.toBe(chosen[2 * n + 1]);
  for (const weight of numbers(() => routeByHash(ids, options).weights_NK)) expect(weight).toBe(1 / k);
});

test("executed passes through experts are those asked for, and what blocks leave empty", () => {
  const passes = expertPasses({ tokens: 4096, choices: 8192, experts: 8 });
  expect(passes.dense).toBe(4096 * 8);
  expect(passes.blocks).toBeGreaterThanOrEqual(passes.choices);
  expect(passes.blocks / passes.choices).toBeLessThan(1.125);
});
