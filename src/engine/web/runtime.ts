import type * as Ort from "onnxruntime-web";
import { fail } from "../../tensor/index.ts";
import { SessionCache } from "../session-cache.ts";

/** ONNX Runtime Web's module, of whichever build. */
export type Runtime = typeof Ort;

/** What runs the operators: WebAssembly on the CPU, or the GPU with WebAssembly for what it lacks. */
export type Provider = "wasm" | "webgpu";

export interface WebEngineOptions {
  /** Default "wasm". */
  provider?: Provider;
  /**
   * Threads of one operator. Default: all cores where the page is cross-origin isolated (COOP and COEP headers), else 1.
   * ONNX Runtime starts its threads once: the first engine of a page decides.
   */
  threads?: number;
  /** Folder from which the page loads ONNX Runtime's .wasm and .mjs files; default: beside its own module. */
  assets?: string;
  /** "none": `compile` throws E_FALLBACK for a program of which a part would run on the CPU under the provider "webgpu". */
  fallback?: "cpu" | "none";
  /** Loads another build of ONNX Runtime Web. */
  runtime?: () => Promise<Runtime>;
}

const builds: Readonly<Record<Provider, () => Promise<Runtime>>> = {
  wasm: () => import("onnxruntime-web/wasm"),
  webgpu: () => import("onnxruntime-web/webgpu"),
};

/** What sessions need to know of where they run. */
export interface Place {
  ort: Runtime;
  provider: Provider;
  fallback: "cpu" | "none";
  sessions: SessionCache<Ort.InferenceSession>;
}

/** Sessions kept after their last user. */
const idleSessions = 2;

/** Loads ONNX Runtime Web. Throws E_GPU where WebGPU is asked for and there is none. */
export async function loadRuntime({
  provider = "wasm",
  threads = defaultThreads(),
  assets,
  fallback = "cpu",
  runtime = builds[provider],
}: WebEngineOptions): Promise<Place> {
  if (provider === "webgpu") await assertGpu();
  const ort = await runtime();
  ort.env.wasm.numThreads = threads;
  if (assets !== undefined) ort.env.wasm.wasmPaths = assets;
  const sessions = new SessionCache<Ort.InferenceSession>({ idle: idleSessions, end: (session) => session.release() });
  return { ort, provider, fallback, sessions };
}

/** Threads share memory, which browsers allow to isolated pages only. */
function defaultThreads(): number {
  const { crossOriginIsolated, navigator } = globalThis as Partial<typeof globalThis>;
  return crossOriginIsolated === false ? 1 : (navigator?.hardwareConcurrency ?? 1);
}

interface Gpu {
  requestAdapter(): Promise<object | null>;
}

async function assertGpu(): Promise<void> {
  const { gpu } = (globalThis.navigator ?? {}) as { gpu?: Gpu };
  if ((await gpu?.requestAdapter()) != null) return;
  fail({
    code: "E_GPU",
    where: "web engine",
    expected: "a GPU that WebGPU can use",
    got: gpu === undefined ? "no navigator.gpu" : "no adapter",
    hint: 'Use the provider "wasm", or a browser and a secure page (https or localhost) with WebGPU.',
  });
}
