import { describe, expect, test } from "vitest";
import { compileReference } from "../engine/index.ts";
import { buildSpec, canonicalSpec, type SpecInput } from "../spec/index.ts";
import { input } from "../tensor/index.ts";
import { randomNormal } from "../testing/index.ts";
import { modelSuite } from "../testing/model-suite.ts";
import { evaluationIo, inputSource } from "../train/index.ts";
import { initialise, type Model, parameterCount } from "./index.ts";

const [tokens, width] = [5, 4];
type Loop = NonNullable<SpecInput["loop"]>;
type Solver = NonNullable<Loop["solver"]>;

/** One layer whose channel mixer is a matrix and whose attention is silent: x' = x A. */
const linear = {
  mixer: { kind: "attention", heads: 1 },
  channel: { kind: "mlp", depth: 1, bias: false },
  norm: { kind: "none" },
  placement: "none",
} as const;
const transformer = { mixer: { kind: "attention", heads: 2 }, channel: { kind: "mlp" } } as const;

const modelOf = (layer: SpecInput["layers"], more: Partial<SpecInput> = {}): Model =>
  buildSpec(canonicalSpec({ name: "solver", width, layers: layer, ...more }), { tokens }).model;

type Values = ReadonlyMap<string, Float32Array>;

/** The stream behind the last layer, for given ids. */
function lastStream(model: Model, values: Values, ids = Int32Array.of(0, 3, 1)): Float64Array {
  const { probes } = model.forward(input("ids", [1, ids.length], "i32"), { source: inputSource(), io: evaluationIo() });
  const stream = probes[`layers.${model.layers.length - 1}.stream`]!;
  return compileReference([stream]).run({ ids, ...Object.fromEntries(values) })[0]!;
}

const A = randomNormal("A", [width, width], 0.5).data;
const times = (x: readonly number[], factor: number): number[] =>
  Array.from({ length: width }, (_, j) => factor * x.reduce((sum, v, i) => sum + v * A[i * width + j]!, 0));

/** x exp(A) by its series. */
function exact(start: readonly number[]): number[] {
  let term = [...start];
  const sum = [...start];
  for (let n = 1; n < 40; n++) {
    term = times(term, 1 / n);
    for (let i = 0; i < width; i++) sum[i]! += term[i]!;
  }
  return sum;
}

/** Largest error at time 1 after so many steps. */
function errorOf(method: Solver["method"], steps: number): number {
  const model = modelOf([linear], { loop: { times: steps, solver: { method, size: 1 / steps } } });
  const values = new Map(initialise(model, 1));
  values.set("layers.0.channel.down", Float32Array.from(A));
  for (const path of values.keys()) if (path.endsWith("mixer.out")) values.set(path, new Float32Array(width * width));
  const table = [...values.get("embedding.table")!].slice(0, width);
  const expected = exact(table);
  const found = lastStream(model, values, Int32Array.of(0));
  return Math.max(...expected.map((v, i) => Math.abs(v - found[i]!)));
}

describe("rounds as steps of a solver", () => {
  test.each([
    ["euler", 1],
    ["midpoint", 2],
    ["heun2", 2],
    ["heun3", 3],
    ["rk4", 4],
  ] as const)("[ode-solver-layers] %s converges with order %i on x' = xA", (method, order) => {
    const slope = Math.log2(errorOf(method, 8) / errorOf(method, 16));
    expect(Math.abs(slope - order)).toBeLessThan(0.15);
  });

  test("[ode-solver-layers] Euler with steps of 1 is the residual net, bit for bit, with a signal of time too", () => {
    for (const step of ["none", "sinusoidal"] as const) {
      const plain = modelOf([transformer], { loop: { times: 3, step } });
      const euler = modelOf([transformer], { loop: { times: 3, step, solver: { method: "euler" } } });
      const values = initialise(plain, 1);
      expect(lastStream(euler, values)).toEqual(lastStream(plain, values));
    }
  });

  test("[ode-solver-layers] Heun's step over a transformer layer is the mean of two slopes, and half as long a step moves half as far", () => {
    const one = modelOf([transformer]);
    const values = initialise(one, 1);
    const from = (loop: Loop) => lastStream(modelOf([transformer], { loop }), values);
    const [once, twice] = [lastStream(one, values), from({ times: 2 })];
    const start = embeddingOf(one, values);
    const heun = from({ times: 1, solver: { method: "heun2" } });
    heun.forEach((v, i) => {
      const [first, second] = [once[i]! - start[i]!, twice[i]! - once[i]!];
      expect(v).toBeCloseTo(start[i]! + (first + second) / 2, 12);
    });
    const half = from({ times: 1, solver: { method: "euler", size: 0.5 } });
    half.forEach((v, i) => void expect(v).toBeCloseTo((start[i]! + once[i]!) / 2, 12));
  });

  test("steps with weights of their own: each layer is written as often as the method has stages", () => {
    const layers = [
      { ...transformer, repeat: 2, share: true },
      { ...transformer, repeat: 2, share: true },
    ];
    const rounds = { start: 0, length: 1, times: 4, step: "none", solver: { method: "midpoint", size: 1 } } as const;
    const spec = canonicalSpec({ name: "solver", width, layers, rounds } as SpecInput);
    const { model } = buildSpec(spec, { tokens });
    const two = modelOf([{ ...transformer, repeat: 2 }]);
    expect(parameterCount(model.parameters)).toBe(parameterCount(two.parameters));
    expect(canonicalSpec(spec)).toEqual(spec);
    expect(model.decodes).toBe(true);
  });

  test("what does not go together is refused", () => {
    const of = (more: Partial<SpecInput>) => () => modelOf([transformer], more);
    const solver = { method: "rk4" } as const;
    expect(of({ loop: { times: 2, solver, halt: {} } })).toThrow(
      /one of discretise, solver and halt, got solver and halt\. \[E_SPEC_ROUNDS\]$/,
    );
    expect(of({ loop: { times: 2, solver }, history: { kind: "dense" } })).toThrow(/history: .*E_SPEC_ROUNDS/);
    expect(() =>
      canonicalSpec({
        ...{ name: "solver", width, layers: [{ ...transformer, repeat: 3 }] },
        rounds: { start: 0, length: 1, times: 3, solver },
      }),
    ).toThrow(/times in multiples of 4, the stages of rk4, got 3\. \[E_SPEC_ROUNDS\]$/);
  });
});

describe("a model of solver steps", () =>
  modelSuite(
    canonicalSpec({
      ...{ name: "solver", width, layers: [transformer] },
      loop: { times: 2, step: "sinusoidal", solver: { method: "heun2" } },
    }),
  ));

/** The stream below the first layer. */
function embeddingOf(model: Model, values: Values): Float64Array {
  const ids = Int32Array.of(0, 3, 1);
  const { probes } = model.forward(input("ids", [1, 3], "i32"), { source: inputSource(), io: evaluationIo() });
  return compileReference([probes["embedding.stream"]!]).run({ ids, ...Object.fromEntries(values) })[0]!;
}
