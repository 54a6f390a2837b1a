import type { InferenceSession } from "onnxruntime-web";
import { afterAll, expect, test } from "vitest";
import { input, type Tensor } from "../tensor/index.ts";
import { hasMemoryPattern } from "./memory-pattern.ts";
import { createWebEngine } from "./web/index.ts";

const asked: (InferenceSession.SessionOptions | undefined)[] = [];
/** ONNX Runtime Web, its sessions' options kept. */
const runtime = async () => {
  const ort = await import("onnxruntime-web");
  type Create = typeof ort.InferenceSession.create;
  const create = ((bytes: Uint8Array, options?: InferenceSession.SessionOptions) => {
    asked.push(options);
    return ort.InferenceSession.create(bytes, options);
  }) as Create;
  return { ...ort, InferenceSession: { ...ort.InferenceSession, create } };
};
const engine = await createWebEngine({ threads: 1, runtime });
afterAll(() => engine.close());

/** Writes count · 256 MB. */
function chain(count: number): Tensor {
  let x = input("x", [2 ** 26]);
  for (let i = 0; i < count; i++) x = i % 2 === 0 ? x.exp() : x.tanh();
  return x;
}

test("a web session has a memory pattern but where its graph writes more than 8 GB a run, as on Node", async () => {
  for (const count of [4, 40]) await (await engine.compile({ outputs: { y: chain(count) } })).dispose();
  expect(asked.map((options) => options?.enableMemPattern)).toEqual([true, false]);
  expect([7.9e9, 8.1e9].map(hasMemoryPattern)).toEqual([true, false]);
});
