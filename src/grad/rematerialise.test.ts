import { afterAll, describe, expect, test } from "vitest";
import { countFlops, createNodeEngine, createReferenceEngine, type Engine } from "../engine/index.ts";
import { initialise } from "../model/index.ts";
import { buildSpec, canonicalSpec } from "../spec/index.ts";
import { inputsOf, type Program } from "../tensor/index.ts";
import { objectiveLosses, trainingProgram } from "../train/index.ts";
import { type Rematerialisation, rematerialisations, storedActivations } from "./index.ts";

const node = createNodeEngine({ threads: 2 });
const reference = createReferenceEngine();
afterAll(() => Promise.all([node.close(), reference.close()]));

const shape = { batch: 2, length: 16 };
const model = (layers: object[], more: object = {}) =>
  buildSpec(canonicalSpec({ name: "m", width: 16, dropout: 0.1, layers, ...more }), { tokens: 13 });

/** Attention with dropped weights, so that the recomputation must draw the same numbers again. */
const attention = { mixer: { kind: "attention", heads: 2, weightDropout: 0.2 }, channel: { kind: "swiglu" } };
const models = {
  attention: model([attention, attention, attention]),
  "post-norm gelu": model(
    [1, 2].map(() => ({ ...attention, channel: { kind: "mlp" }, norm: { kind: "layernorm" }, placement: "post" })),
  ),
  lstm: model([1, 2, 3].map(() => ({ mixer: { kind: "lstm" }, channel: { kind: "swiglu" } }))),
  "mamba-2": model([1, 2].map(() => ({ mixer: { kind: "mamba-2", heads: 2, state: 4 } }))),
  "gated-deltanet": model(
    [1, 2].map(() => ({ mixer: { kind: "gated-deltanet", heads: 2 }, channel: { kind: "swiglu" } })),
  ),
  moe: model([1, 2].map(() => ({ ...attention, channel: { kind: "moe", experts: 4, topK: 2 } }))),
};
type Built = (typeof models)["attention"];

const programOf = (built: Built, rematerialise: Rematerialisation, more: object = {}): Program =>
  trainingProgram(built, objectiveLosses["next-token"], { ...shape, ...more }, { rematerialise });

const ids = (count: number) => Int32Array.from({ length: count }, (_, i) => (7 * i * i + 3 * i) % 13);

async function outputsOf(engine: Engine, built: Built, program: Program) {
  const executable = await engine.compile(program);
  const feeds = {
    ...Object.fromEntries(initialise(built.model, 3)),
    ...Object.fromEntries(
      [...built.model.buffers].map(([path, size]) => [path, new Float32Array(size.reduce((a, b) => a * b, 1))]),
    ),
    inputs: ids(32),
    targets: ids(32).map((id) => (id + 1) % 13),
    "random.seed": Uint32Array.of(5),
    "random.step": Uint32Array.of(2),
  };
  const values = await executable.run(feeds);
  await executable.dispose();
  return values;
}

/** Bytes that lie between the passes. */
function storedBytes({ outputs }: Program): number {
  const leaves = [...inputsOf({ outputs })];
  const parameters = leaves.flatMap(([name, t]) => (`grad:${name}` in outputs ? [t] : []));
  const gradients = Object.entries(outputs).flatMap(([name, t]) => (name.startsWith("grad:") ? [t] : []));
  return storedActivations([outputs["total"]!], { gradients, parameters }).reduce((sum, t) => sum + t.bytes, 0);
}

describe("[selective-recompute] attention's core", () => {
  // One head block of queries, so that scores are T × T; the sizes of Korthikanti et al. 2022, section 4.1.
  const [L, a, b] = [3, 2, 2];
  const bytesAt = (length: number) =>
    rematerialisations.map((level) => storedBytes(programOf(models.attention, level, { length }))) as [
      number,
      number,
      number,
    ];

  test("what is computed anew is all that grows with the square of the length", () => {
    const lengths = [16, 32, 64];
    const [first, second, third] = [bytesAt(16), bytesAt(32), bytesAt(64)];
    // softmax (4 bytes), dropout's mask (1) and the dropped weights (4): 9as²b, as 5as²b in 16 bits.
    for (const [i, [all, some]] of [first, second, third].entries())
      expect(all - some).toBe(9 * a * lengths[i]! ** 2 * b * L);
    expect(third[1] - second[1]).toBe(2 * (second[1] - first[1]));
  });

  test("costs few operations: one product of queries and keys a layer", () => {
    const flops = (level: Rematerialisation) => {
      const { outputs } = programOf(models.attention, level, { length: 64 });
      return countFlops(Object.values(outputs)).matmul;
    };
    expect(flops("selective") - flops("none")).toBeLessThan(0.1 * flops("none"));
    expect(flops("selective")).toBeGreaterThan(flops("none"));
    expect(flops("full")).toBeGreaterThan(1.2 * flops("none"));
    expect(flops("full")).toBeLessThan(1.4 * flops("none"));
  });
});

describe.each(Object.entries(models))("%s", (_, built) => {
  const [none, selective, full] = rematerialisations.map((level) => programOf(built, level)) as [
    Program,
    Program,
    Program,
  ];

  test("[full-recompute] gradients are equal to the bit, on the native engine and in f64", async () => {
    for (const engine of [node, reference]) {
      const expected = await outputsOf(engine, built, none);
      expect(await outputsOf(engine, built, full)).toEqual(expected);
      expect(Object.values(expected).some((values) => values.some((value) => value !== 0))).toBe(true);
    }
  });

  test("[selective-recompute] gradients are equal to the bit, on the native engine and in f64", async () => {
    for (const engine of [node, reference])
      expect(await outputsOf(engine, built, selective)).toEqual(await outputsOf(engine, built, none));
  });

  test("fewer bytes are kept, the fewer the more is computed anew", () => {
    const [all, some, least] = [none, selective, full].map(storedBytes) as [number, number, number];
    expect(some).toBeLessThanOrEqual(all);
    expect(least).toBeLessThan(0.6 * all);
  });
});
