/** What tests call in a browser page. */
import { createWebEngine, type Engine, type Provider, type WebEngineOptions } from "../../engine/web/index.ts";
import { startFamily, trainFamily } from "./families.fixture.ts";
import { countGpuBuffers } from "./gpu-buffers.fixture.ts";
import { drawsProgram, type OpCase, opCases } from "./op-cases.fixture.ts";

const engines = new Map<string, Promise<Engine>>();

/** One engine per setting and page. */
function engineOf(options: WebEngineOptions): Promise<Engine> {
  const key = JSON.stringify(options);
  const engine = engines.get(key) ?? createWebEngine(options);
  engines.set(key, engine);
  return engine;
}

/** Outputs of a case as plain numbers, or what went wrong. */
type Result = Readonly<Record<string, number[]>> | string;

async function evaluate(engine: Engine, { program, feeds }: Pick<OpCase, "program" | "feeds">): Promise<Result> {
  try {
    const executable = await engine.compile(program);
    const values = await executable.run(feeds);
    await executable.dispose();
    return Object.fromEntries(Object.entries(values).map(([name, data]) => [name, Array.from(data)]));
  } catch (error) {
    return String(error);
  }
}

export const calls = {
  /** Whether WebAssembly may have threads, the machine's cores, and how many threads it has got. */
  threads: async (_: null) => {
    await (await engineOf({ provider: "wasm" })).compile(drawsProgram().program);
    const { env } = await import("onnxruntime-web/wasm");
    return { isolated: crossOriginIsolated, cores: navigator.hardwareConcurrency, threads: env.wasm.numThreads };
  },

  train: async ({ provider, family, steps }: { provider: Provider; family: string; steps: number }) =>
    trainFamily(await engineOf({ provider }), family, steps),

  /** GPU buffers alive, and bytes copied from the GPU, after each of some steps. */
  gpuBuffers: async (steps: number) => {
    const count = countGpuBuffers();
    const training = await startFamily(await engineOf({ provider: "webgpu" }), "llama", steps);
    const counts = [];
    for (let i = 0; i < steps; i++) {
      await training.advance();
      counts.push(count());
    }
    await training.dispose();
    return counts;
  },

  draws: async (provider: Provider) => evaluate(await engineOf({ provider }), drawsProgram()),

  /** Every op case by name. */
  ops: async (provider: Provider) => {
    const engine = await engineOf({ provider });
    const results: Record<string, Result> = {};
    for (const one of opCases) results[one.name] = await evaluate(engine, one);
    return results;
  },

  /** Names of the cases whose values (without gradients) WebGPU does not compute alone, with the reason where it is another one. */
  fallbacks: async (_: null) => {
    const engine = await engineOf({ provider: "webgpu", fallback: "none" });
    const names: string[] = [];
    for (const { name, forward } of opCases) {
      const failure = await engine.compile(forward).then(
        (executable) => executable.dispose(),
        (error: unknown) => String(error),
      );
      if (failure !== undefined) names.push(failure.includes("[E_FALLBACK]") ? name : `${name}: ${failure}`);
    }
    return names;
  },

  /** The code of the error that a machine without a GPU gives. */
  withoutGpu: async (_: null) => {
    Object.defineProperty(navigator, "gpu", { value: undefined, configurable: true });
    try {
      return await createWebEngine({ provider: "webgpu" }).then(
        () => "an engine",
        (error: unknown) => String(error),
      );
    } finally {
      Reflect.deleteProperty(navigator, "gpu");
    }
  },
};
export type PageCalls = typeof calls;

Object.assign(globalThis, { calls });
