import { describe, expect, test } from "vitest";
import { compileReference } from "../engine/index.ts";
import { grad } from "../grad/index.ts";
import { createRng } from "../ops/index.ts";
import { buildSpec, canonicalSpec, type SpecInput } from "../spec/index.ts";
import { input, softmaxCrossEntropy } from "../tensor/index.ts";
import { randomNormal } from "../testing/index.ts";
import { modelSuite } from "../testing/model-suite.ts";
import { evaluationIo, inputSource } from "../train/index.ts";
import { initialise, type Model, parameterCount } from "./index.ts";

const [tokens, width, depth, T] = [9, 8, 3, 6];
const attention = { kind: "attention", heads: 2, kvHeads: 1, positions: { kind: "rope" } } as const;
const mudd = { kind: "dynamic-dense", streams: "qkvr" } as const;

const specOf = (options: Partial<SpecInput>) =>
  canonicalSpec({
    ...{ name: "mudd", width, layers: [{ mixer: attention, channel: { kind: "swiglu" }, repeat: depth }] },
    ...options,
  });
const modelOf = (options: Partial<SpecInput>): Model => buildSpec(specOf(options), { tokens }).model;

type Values = ReadonlyMap<string, Float32Array>;
const ids = Int32Array.from({ length: 2 * T }, (_, i) => createRng(i).below(tokens));
const trace = (model: Model) => {
  const source = inputSource();
  return { source, ...model.forward(input("ids", [2, T], "i32"), { source, io: evaluationIo() }) };
};
const logitsOf = (model: Model, values: Values) =>
  compileReference([trace(model).logits]).run({ ids, ...Object.fromEntries(values) })[0]!;

/** The start, apart from which every parameter stands a little. */
const moved = (model: Model): Values =>
  new Map(
    [...initialise(model, 1)].map(([path, v]) => {
      const noise = randomNormal(path, [v.length], 0.1).data;
      return [path, v.map((x, i) => x + noise[i]!)];
    }),
  );

describe("a model with four streams", () => modelSuite(specOf({ history: mudd })));

describe("sums of earlier layers for queries, keys, values and the stream", () => {
  test("[mudd] they start as the plain stack", () => {
    const model = modelOf({ history: mudd });
    const values = initialise(model, 1);
    const plain = modelOf({});
    const shared = new Map([...values].filter(([path]) => plain.parameters.has(path)));
    const expected = logitsOf(plain, shared);
    logitsOf(model, values).forEach((value, i) => void expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-6));
  });

  test("[mudd] their parameters follow the formula: 0.21 % at D = 2560 and 32 layers of a 2.8B model", () => {
    const sizeAt = (D: number, L: number) => {
      // Before layer i ≥ 1 stand i + 1 states, behind the last L + 1, of which one sum is made.
      const own = (states: number, streams: number) =>
        D * 4 * states + 4 * states * streams * states + streams * states;
      return Array.from({ length: L - 1 }, (_, i) => own(i + 2, 4)).reduce((sum, n) => sum + n, own(L + 1, 1));
    };
    const extra = (options: Partial<SpecInput>) =>
      parameterCount(modelOf({ ...options, history: mudd }).parameters) - parameterCount(modelOf(options).parameters);
    expect(extra({})).toBe(sizeAt(width, depth));
    const large = {
      width: 2560,
      layers: [{ mixer: { kind: "attention", heads: 32 }, channel: { kind: "mlp" }, repeat: 32 }],
      head: { kind: "lm", tied: false },
    } as const;
    expect(extra(large)).toBe(sizeAt(2560, 32));
    const whole = 12 * 2560 ** 2 * 32 + 2 * 50_304 * 2560;
    expect(Math.abs(sizeAt(2560, 32) / whole - 0.0021)).toBeLessThan(0.0001);
  });

  test("[mudd] each of the four is read where it belongs: queries, keys and values by attention, the last by the residual sum", () => {
    const model = modelOf({ history: mudd });
    const start = new Map(initialise(model, 1));
    const path = "layers.1.history.fixed";
    // Two states below layer 1; stream s takes the first instead of the second.
    const other = (s: number) => start.get(path)!.map((v, i) => (Math.floor(i / 2) === s ? 1 - v : v));
    const silent = new Map(start).set("layers.1.mixer.out", new Float32Array(width * width));
    const moves = (values: Values, s: number) => {
      const changed = logitsOf(model, new Map(values).set(path, other(s)));
      const plain = logitsOf(model, values);
      return Math.max(...changed.map((v, i) => Math.abs(v - plain[i]!)));
    };
    for (let s = 0; s < 4; s++) expect(moves(start, s)).toBeGreaterThan(1e-5);
    for (let s = 0; s < 3; s++) expect(moves(silent, s)).toBe(0);
    expect(moves(silent, 3)).toBeGreaterThan(1e-3);
    // Values that all tokens share are what attention gives, whatever its queries and keys say.
    const one = Int32Array.from(ids, () => 3);
    const constant = (s: number) => {
      const run = (values: Values) =>
        compileReference([trace(model).logits]).run({ ids: one, ...Object.fromEntries(values) })[0]!;
      const [changed, plain] = [run(new Map(start).set(path, other(s))), run(start)];
      return Math.max(...changed.map((v, i) => Math.abs(v - plain[i]!)));
    };
    for (const s of [0, 1]) expect(constant(s)).toBeLessThan(1e-12);
    expect(constant(2)).toBeGreaterThan(1e-5);
  });

  test("[mudd] with equal weights in all streams it is the one-stream form", () => {
    const [one, four] = [modelOf({ history: { kind: "dynamic-dense" } }), modelOf({ history: { ...mudd, hidden: 4 } })];
    const [oneHidden] = [modelOf({ history: { kind: "dynamic-dense", hidden: 4 } })];
    expect(parameterCount(one.parameters)).toBeLessThan(parameterCount(four.parameters));
    const values = moved(oneHidden);
    const spread = new Map(values);
    for (const path of four.parameters.keys()) {
      const [own, length] = [values.get(path)!, four.parameters.get(path)!.shape.reduce((a, b) => a * b, 1)];
      if (own.length === length) continue;
      // Columns of L shares become four times those.
      const L = Number(/layers\.(\d)/.exec(path)![1]) + 1;
      spread.set(
        path,
        Float32Array.from({ length }, (_, i) => own[Math.floor(i / (4 * L)) * L + (i % L)]!),
      );
    }
    const expected = logitsOf(oneHidden, values);
    logitsOf(four, spread).forEach((value, i) => void expect(value).toBeCloseTo(expected[i]!, 10));
  });

  test("all of them are trained", () => {
    const model = modelOf({ history: mudd });
    const values = moved(model);
    const { source, logits } = trace(model);
    const targets = input("targets", [2, T], "i32");
    const gradients = grad(softmaxCrossEntropy(logits, targets).sum(), [...source.leaves.values()]).map((g) => g!);
    const feeds = { ids, targets: ids, ...Object.fromEntries(values) };
    const results = compileReference(gradients).run(feeds);
    for (const [i, path] of [...source.leaves.keys()].entries())
      expect(Math.max(...results[i]!.map(Math.abs)), path).toBeGreaterThan(1e-9);
  });

  test("a mixer that cannot take them apart is refused", () => {
    expect(() => modelOf({ layers: [{ mixer: { kind: "lstm" } }], history: mudd })).toThrow(
      /expected a mixer that takes queries, keys and values apart, .* got lstm\..*E_SPEC_WAYS/,
    );
  });
});
