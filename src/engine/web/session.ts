import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-web";
import { fail, type Program, type Tensor } from "../../tensor/index.ts";
import { hasMemoryPattern } from "../memory-pattern.ts";
import { emitOnnx, type OnnxModel } from "../onnx/emit.ts";
import type { Place } from "./runtime.ts";

/** A program in ONNX Runtime Web. */
export interface WebSession {
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** Values by the program's names; several names may share one value. */
  run(feeds: Readonly<Record<string, OrtTensor>>): Promise<ReadonlyMap<string, OrtTensor>>;
  release(then?: "wait" | "end"): Promise<void>;
}

/** Compiles a program. Outputs that `stays` names are left on the GPU, where there is one. */
export async function createSession(
  place: Place,
  program: Program,
  stays: (output: string) => boolean = () => false,
): Promise<WebSession> {
  const model = emitOnnx(program, place.provider === "webgpu" ? "webgpu" : "cpu");
  const { bytes, inputs, outputs } = model;
  const options = optionsOf(place, model, stays);
  const key = await keyOf(bytes, options);
  const session = await place.sessions.acquire(key, () =>
    place.ort.InferenceSession.create(bytes, options).catch(explain),
  );
  let open = true;
  return {
    inputs,
    run: async (feeds) => {
      const results = await session.run(feeds);
      return new Map([...outputs].map(([output, { name }]) => [output, results[name]!]));
    },
    release: async (then) => {
      if (open) await place.sessions.release(key, then);
      open = false;
    },
  };
}

let unshared = 0;

/** Of a graph and where its outputs are left. Pages that are not secure cannot hash: their sessions are not shared. */
async function keyOf(bytes: Uint8Array, { preferredOutputLocation }: InferenceSession.SessionOptions): Promise<string> {
  const { crypto } = globalThis as Partial<typeof globalThis>;
  if (crypto?.subtle === undefined) return `unshared ${unshared++}`;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  return `${[...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("")} ${JSON.stringify(preferredOutputLocation)}`;
}

function optionsOf(
  { provider, fallback }: Place,
  { outputs, writtenBytes }: OnnxModel,
  stays: (output: string) => boolean,
): InferenceSession.SessionOptions {
  const common = { graphOptimizationLevel: "all", executionMode: "sequential", logSeverityLevel: 3 } as const;
  if (provider === "wasm")
    return {
      ...common,
      executionProviders: ["wasm"],
      enableCpuMemArena: true,
      enableMemPattern: hasMemoryPattern(writtenBytes),
    };
  const onCpu = new Set([...outputs].filter(([output]) => !stays(output)).map(([, { name }]) => name));
  const location = [...outputs.values()].map(({ name }) => [name, onCpu.has(name) ? "cpu" : "gpu-buffer"] as const);
  return {
    ...common,
    executionProviders: ["webgpu"],
    preferredOutputLocation: Object.fromEntries(location),
    ...(fallback === "none" && { extra: { session: { disable_cpu_ep_fallback: "1" } } }),
  };
}

/** ONNX Runtime's own sentence where it refuses to leave part of a program to the CPU. */
const refusal = "fallback to CPU EP has been explicitly disabled";

function explain(error: unknown): never {
  if (error instanceof Error && error.message.includes(refusal))
    fail({
      code: "E_FALLBACK",
      where: "web engine",
      expected: "a program that WebGPU runs alone",
      got: "one of which a part would run on the CPU",
      hint: 'Leave out fallback: "none".',
      cause: error,
    });
  throw error;
}
