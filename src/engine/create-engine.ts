import { fail, input } from "../tensor/index.ts";
import type { Engine, EngineKind } from "./engine.ts";
import { createNodeEngine, type NodeEngineOptions } from "./node/node-engine.ts";
import { createReferenceEngine } from "./reference-engine.ts";

type Options = Pick<NodeEngineOptions, "threads">;

const engines: Readonly<Record<EngineKind, (options: Options) => Engine | Promise<Engine>>> = {
  node: createNodeEngine,
  webgpu: createGpuEngine,
  web: createWasmEngine,
  reference: createReferenceEngine,
};

export const engineKinds = Object.keys(engines) as EngineKind[];

/** An engine by its name, in Node. Throws E_GPU where "webgpu" finds no GPU. */
export async function createEngine(kind: EngineKind, { threads }: Options = {}): Promise<Engine> {
  return engines[kind](threads === undefined ? {} : { threads });
}

/** ONNX Runtime Web's WebAssembly build on the calling thread: what a page computes, without a browser. */
async function createWasmEngine(options: Options): Promise<Engine> {
  const { createWebEngine } = await import("./web/index.ts");
  return createWebEngine({ ...options, runtime: () => import("onnxruntime-web") });
}

/** Tries the GPU with one addition, so that a machine without one is told at once. The session stays: compiled shaders live as long as any does. */
async function createGpuEngine(options: Options): Promise<Engine> {
  const engine = createNodeEngine({ ...options, provider: "webgpu" });
  try {
    const trial = await engine.compile({ outputs: { sum: input("x", [1]).add(input("y", [1])) } });
    await trial.run({ x: Float32Array.of(1), y: Float32Array.of(1) });
    return engine;
  } catch (cause) {
    await engine.close();
    return failWithoutGpu(cause);
  }
}

function failWithoutGpu(cause: unknown): never {
  const message = cause instanceof Error ? cause.message : String(cause);
  return fail({
    code: "E_GPU",
    where: "engine webgpu",
    expected: "a GPU with a Vulkan, Metal or Direct3D 12 driver",
    // ONNX Runtime puts the place in its source before the reason.
    got: message.split("was false. ").at(-1)!.trim(),
    hint: "Use --engine node. On Linux, libvulkan.so.1 must be found; VK_ICD_FILENAMES can name a software driver.",
    cause,
  });
}
