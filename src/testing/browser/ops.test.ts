import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createEngine, type Engine, runReference } from "../../engine/index.ts";
import { expandFused, type Op, type Program, topological } from "../../tensor/index.ts";
import "../allclose.ts";
import { opsWithoutGradient } from "../grad-cases.ts";
import { openPage, reasonToSkip, type TestPage } from "./chromium.ts";
import { drawsProgram, type OpCase, opCases } from "./op-cases.fixture.ts";
import type { PageCalls } from "./page.fixture.ts";

/** Between f32 and f64, relative to the largest value of a tensor. */
const tolerance = 2e-5;

/** Ops that ONNX Runtime's WebGPU provider leaves to the CPU. */
const onCpu: ReadonlySet<Op> = new Set<Op>([
  // A GPU's own are not exact enough (engine/onnx/emit.ts).
  ...(["sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh"] as const),
  ...(["round", "mod", "isNaN", "convTranspose", "scan"] as const),
  // Their indices are 64-bit integers at first.
  ...(["topk", "argmax"] as const),
  ...(["bitAnd", "bitOr", "bitXor", "shiftLeft", "shiftRight"] as const),
]);

/** Whether a program has an op of those. */
const needsCpu = ({ outputs }: Program) =>
  topological(expandFused(Object.values(outputs))).some(({ op }) => onCpu.has(op as Op));

type Results = Awaited<ReturnType<PageCalls["ops"]>>;

function referenceOf({ outputs }: Program, feeds: OpCase["feeds"]): Record<string, Float64Array> {
  const values = runReference(Object.values(outputs), feeds);
  return Object.fromEntries(Object.keys(outputs).map((name, i) => [name, values[i]!]));
}

function expectReference({ program, feeds }: OpCase, results: Results[string]): void {
  if (typeof results === "string") throw new Error(results);
  const expected = referenceOf(program, feeds);
  expect(Object.keys(results).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, data] of Object.entries(expected)) {
    const { shape } = program.outputs[name]!;
    expect({ shape, data: Float64Array.from(results[name]!) }, name).toBeAllclose({ shape, data }, { tolerance });
  }
}

async function evaluate(engine: Engine, { program, feeds }: Pick<OpCase, "program" | "feeds">) {
  const executable = await engine.compile(program);
  const values = await executable.run(feeds);
  await executable.dispose();
  return Object.fromEntries(Object.entries(values).map(([name, data]) => [name, Array.from(data)]));
}

test("every op without a gradient has a case beside those of gradients", () => {
  const ops = new Set(
    opCases.flatMap(({ forward }) => topological(Object.values(forward.outputs)).map(({ op }) => op)),
  );
  expect(opsWithoutGradient.filter((op) => !ops.has(op))).toEqual([]);
});

describe("WebAssembly in Node", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine("web", { threads: 1 });
  });
  afterAll(() => engine.close());

  test.each(opCases)("$name: values and gradients of the reference", async (one) => {
    expectReference(one, await evaluate(engine, one));
  });

  test("draws the reference's bits", async () => {
    const { program, feeds } = drawsProgram();
    expect(await evaluate(engine, { program, feeds })).toEqual({ y: [...referenceOf(program, feeds)["y"]!] });
  });
});

describe.skipIf(reasonToSkip() !== undefined)("WebGPU in Chromium", () => {
  let page: TestPage<PageCalls>;
  let results: Results;
  beforeAll(async () => {
    page = await openPage<PageCalls>(fileURLToPath(new URL("page.fixture.ts", import.meta.url)));
    results = await page.call("ops", "webgpu");
  }, 180_000);
  afterAll(() => page?.close());

  test.each(opCases)("$name: values and gradients of the reference", (one) => {
    expectReference(one, results[one.name]!);
  });

  test("draws the reference's bits", async () => {
    const { program, feeds } = drawsProgram();
    expect(await page.call("draws", "webgpu")).toEqual({ y: [...referenceOf(program, feeds)["y"]!] });
  });

  test("what the GPU lacks runs on the CPU, and is known", async () => {
    const names = await page.call("fallbacks", null);
    console.log(`WebGPU leaves to the CPU: ${names.join("; ")}`);
    expect(names).toEqual(opCases.filter(({ forward }) => needsCpu(forward)).map(({ name }) => name));
  });
});
