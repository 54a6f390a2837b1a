import { describe, expect, test } from "vitest";
import { compileReference } from "../engine/index.ts";
import { grad } from "../grad/index.ts";
import { createRng } from "../ops/index.ts";
import { buildSpec, canonicalSpec, type SpecInput } from "../spec/index.ts";
import { constant, input, softmaxCrossEntropy } from "../tensor/index.ts";
import { plainIo, randomNormal } from "../testing/index.ts";
import { evaluationIo, inputSource } from "../train/index.ts";
import { initialise, type Model, parameterCount } from "./index.ts";
import { buildLayer } from "./layer.ts";
import { runLayer } from "./run-layer.ts";

const [tokens, width, depth] = [9, 8, 4];
const layer = { mixer: { kind: "attention", heads: 2 }, channel: { kind: "swiglu" } } as const;

const specOf = (options: Partial<SpecInput>) =>
  canonicalSpec({ name: "streams", width, layers: [{ ...layer, repeat: depth }], ...options });
const modelOf = (options: Partial<SpecInput>): Model => buildSpec(specOf(options), { tokens }).model;

type Values = ReadonlyMap<string, Float32Array>;

const draw = (length: number) => {
  const rng = createRng(4);
  return Int32Array.from({ length }, () => rng.below(tokens));
};

function logitsOf(model: Model, values: Values): Float64Array {
  const { logits } = model.forward(input("ids", [2, 6], "i32"), { source: inputSource(), io: evaluationIo() });
  return compileReference([logits]).run({ ids: draw(12), ...Object.fromEntries(values) })[0]!;
}

/** The larger model's start, whose values the plain one is given too. */
function expectPlain(options: Partial<SpecInput>, factor = 1): void {
  const model = modelOf(options);
  const values = initialise(model, 1);
  const plain = modelOf({});
  const shared = new Map([...values].filter(([path]) => plain.parameters.has(path)));
  const expected = logitsOf(plain, shared);
  logitsOf(model, values).forEach((value, i) => void expect(value).toBeCloseTo(factor * expected[i]!, 5));
}

function expectCount(options: Partial<SpecInput>, extra: number): void {
  expect(parameterCount(modelOf(options).parameters) - parameterCount(modelOf({}).parameters)).toBe(extra);
}

/** Every parameter but those of a name has a gradient that is not zero at a point apart from the start. */
function expectTrained(options: Partial<SpecInput>, except = /^$/): void {
  const model = modelOf(options);
  const values = new Map(
    [...initialise(model, 1)].map(([path, v]) => {
      const noise = randomNormal(path, [v.length], 0.1).data;
      return [path, v.map((x, i) => x + noise[i]!)];
    }),
  );
  const source = inputSource();
  const { logits } = model.forward(input("ids", [2, 6], "i32"), { source, io: evaluationIo() });
  const loss = softmaxCrossEntropy(logits, constant(draw(12), [2, 6], "i32")).sum();
  const gradients = grad(loss, [...source.leaves.values()]).map((g) => g!);
  const results = compileReference(gradients).run({ ids: draw(12), ...Object.fromEntries(values) });
  for (const [i, path] of [...source.leaves.keys()].entries())
    if (!except.test(path)) expect(Math.max(...results[i]!.map(Math.abs)), path).toBeGreaterThan(1e-9);
}

describe("several residual streams", () => {
  test("hyper-connections start as the plain stack: every stream is the residual sum, and the last norm undoes their number", () => {
    expectPlain({ streams: { kind: "hyper-connections", streams: 3 } });
    expectPlain({ streams: { kind: "hyper-connections", streams: 1, dynamic: false } });
  });

  test("their parameters are S(S + 2) a sublayer, and D(S + 3) + 2 more where they depend on the token", () => {
    const shares = 3 * (3 + 2);
    expectCount({ streams: { kind: "hyper-connections", streams: 3, dynamic: false } }, 2 * depth * shares);
    expectCount({ streams: { kind: "hyper-connections", streams: 3 } }, 2 * depth * (shares + width * (3 + 3) + 2));
  });

  test("all of them are trained", () => {
    expectTrained({ streams: { kind: "hyper-connections", streams: 2 } });
    // Doubly stochastic shares change nothing where all streams are equal, or only their sum is read.
    const idle = /layers\.(0\.mixer|3\.channel)Streams\.carryScale/;
    expectTrained({ streams: { kind: "manifold-hyper-connections", streams: 2 } }, idle);
    expectTrained({ streams: { kind: "reversible" } });
  });

  test("a reversible sublayer is undone: what it read follows from what it left", () => {
    const spec = specOf({ layers: [{ mixer: layer.mixer }], streams: { kind: "reversible" } });
    const built = buildLayer(spec.layers[0]!, { index: 0, width, streams: spec.streams });
    const values = initialise(buildSpec(spec, { tokens }).model, 1);
    const [a, b] = ["a", "b"].map((name) => randomNormal(name, [2, 5, 1, width]));
    const streams = (first: Float64Array, second: Float64Array) => {
      const context = { source: inputSource(), io: plainIo("eval") };
      const extras = { state: {}, losses: [], buffers: {}, probes: {} };
      const parts = [first, second].map((data) => constant(data, [2, 5, width]).unsqueeze(2));
      const [x, y] = parts as [(typeof parts)[0], (typeof parts)[0]];
      const after = runLayer(built, x.pad(2, 0, 1).add(y.pad(2, 1, 0)), {
        context,
        form: "forward",
        dropoutProb: 0,
        extras,
      });
      return compileReference([after.at(2, 0), after.at(2, 1)]).run(Object.fromEntries(values)) as [
        Float64Array,
        Float64Array,
      ];
    };
    const [kept, moved] = streams(a!.data, b!.data);
    expect(kept).toEqual(Float64Array.from(b!.data));
    const zero = new Float64Array(kept.length);
    const [, branch] = streams(zero, kept);
    moved.forEach((value, i) => void expect(value - branch[i]!).toBeCloseTo(a!.data[i]!, 12));
  });

  test("they are refused beside what they replace", () => {
    const streams = { kind: "hyper-connections" } as const;
    const wrong: [Partial<SpecInput>, RegExp][] = [
      [{ defaults: { residual: { kind: "rezero" } } }, /layers\[0\]\.residual: expected "add" beside hyper-connections streams, got rezero\. \[E_SPEC_STREAMS\]$/],
      [{ defaults: { placement: "post" } }, /layers\[0\]\.placement: .*E_SPEC_STREAMS/],
      [{ history: { kind: "dense" } }, /history: expected none beside .*E_SPEC_STREAMS/],
    ]; // biome-ignore format: a table
    for (const [options, message] of wrong) expect(() => specOf({ streams, ...options })).toThrow(message);
  });
});

describe("what layers read of earlier ones", () => {
  test("[dense-connections] dense sums start as the plain stack, and are dynamic ones whose dynamic part is zero", () => {
    expectPlain({ history: { kind: "dense" } });
    expectPlain({ history: { kind: "dynamic-dense" } });
    const [still, moving] = [modelOf({ history: { kind: "dense" } }), modelOf({ history: { kind: "dynamic-dense" } })];
    const values = new Map(initialise(moving, 1));
    for (const path of moving.parameters.keys())
      if (path.endsWith("history.fixed"))
        values.set(
          path,
          values.get(path)!.map((_, i) => 0.3 - 0.1 * i),
        );
    const fixed = [...values].map(([path, v]) => [path.replace("history.fixed", "history.weights"), v] as const);
    const known = new Map(fixed.filter(([path]) => still.parameters.has(path)));
    const expected = logitsOf(still, known);
    logitsOf(moving, values).forEach((value, i) => void expect(value).toBeCloseTo(expected[i]!, 10));
  });

  test("[dense-connections] they have one weight for every state below each layer, and one set behind the last", () => {
    expectCount({ history: { kind: "dense" } }, 2 + 3 + 4 + 5);
  });

  test("skips of a U-net start as the plain stack, with one map for each upper layer", () => {
    expectPlain({ history: { kind: "unet-skips" } });
    expectCount({ history: { kind: "unet-skips" } }, (depth / 2) * 2 * width * width);
    expectCount({ layers: [{ ...layer, repeat: 5 }], history: { kind: "unet-skips" } }, expectedFive());
  });

  test("injected inputs are added before every layer but the first; mapped ones start at none", () => {
    expectPlain({ history: { kind: "input-injection", map: true } });
    expectCount({ history: { kind: "input-injection" } }, 0);
    const [plain, injected] = [modelOf({}), modelOf({ history: { kind: "input-injection" } })];
    expect(logitsOf(injected, initialise(injected, 1))).not.toEqual(logitsOf(plain, initialise(plain, 1)));
  });

  test("all of them are trained", () => {
    for (const kind of ["dense", "dynamic-dense", "unet-skips"] as const) expectTrained({ history: { kind } });
    expectTrained({ history: { kind: "input-injection", map: true } });
  });

  test("the canonical form keeps both", () => {
    for (const options of [{ history: { kind: "dense" } }, { streams: { kind: "reversible" } }] as const) {
      const spec = specOf(options);
      expect(spec).toMatchObject(options);
      expect(canonicalSpec(spec)).toEqual(spec);
    }
  });
});

/** Of five layers the fourth and fifth have a mirror image below them; the plain stack of four has a layer less. */
function expectedFive(): number {
  const [five, four] = [5, depth].map((repeat) =>
    parameterCount(modelOf({ layers: [{ ...layer, repeat }] }).parameters),
  );
  return five! - four! + 2 * 2 * width * width;
}
