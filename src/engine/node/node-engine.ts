import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { fail, type Program, SeqlabError } from "../../tensor/index.ts";
import type { Engine, Executable, Trainer, TrainerDefinition } from "../engine.ts";
import { emitOnnx, type Target } from "../onnx/emit.ts";
import type { Host, HostOptions, NodeProvider, SessionDefinition } from "./host.ts";
import type { Reply, Request } from "./protocol.ts";
import { compileRules } from "./update-rules.ts";

export interface NodeEngineOptions {
  /** Threads of one operator; default: the machine's cores. */
  threads?: number;
  /** Default "cpu". Ops that the GPU lacks run on the CPU. */
  provider?: NodeProvider;
  /** Folder into which every session writes ONNX Runtime's profile of its runs when it is disposed: `session-<n>_<date>.json`. */
  profile?: string;
}

/** ONNX Runtime's native build in a worker thread: the caller's event loop stays free. */
export function createNodeEngine({
  threads = availableParallelism(),
  provider = "cpu",
  profile,
}: NodeEngineOptions = {}): Engine {
  const host = connect({ threads, provider, ...(profile !== undefined && { profile }) });
  const define: Define = (program) => definitionOf(program, provider);
  return {
    kind: provider === "cpu" ? "node" : "webgpu",
    compile: async (program) => executable(host, await host.call("createSession", define(program))),
    trainer: async (definition) => trainer(host, definition, define),
    put: (name, value) => host.call("put", name, value),
    get: (name) => host.call("get", name),
    drop: (names) => host.call("drop", names),
    usage: () => host.call("usage"),
    close: host.close,
  };
}

type Define = (program: Program) => SessionDefinition;

function definitionOf(program: Program, target: Target): SessionDefinition {
  const { bytes, inputs, outputs, writtenBytes } = emitOnnx(program, target);
  const typed = [...outputs].map(
    ([
      output,
      {
        name,
        tensor: { shape, dtype },
      },
    ]) => [output, { name, shape, dtype }],
  );
  return {
    bytes,
    writtenBytes,
    inputs: Object.fromEntries([...inputs].map(([name, { shape, dtype }]) => [name, { shape, dtype }])),
    outputs: Object.fromEntries(typed),
  };
}

function executable(host: Connection, session: number): Executable {
  return {
    run: (feeds, options = {}) => host.call("run", session, feeds, options),
    dispose: () => host.call("disposeSession", session),
  };
}

async function trainer(host: Connection, definition: TrainerDefinition, define: Define): Promise<Trainer> {
  const rules = compileRules(definition, define);
  const programs = [definition.program, ...(definition.others ?? [])].map(define);
  const id = await host.call("createTrainer", programs, {
    ...rules,
    clipNorm: definition.clipNorm,
  });
  return {
    step: (batches, scalars, program = 0) => host.call("step", id, { batches, scalars, program }),
    read: (what) => host.call("read", id, what),
    write: (what, values) => host.call("write", id, what, values),
    dispose: () => host.call("disposeTrainer", id),
  };
}

type Methods = { [K in keyof Host]: Host[K] };

/** Calls of the host's methods across the thread, typed as the host declares them. */
interface Connection {
  call<K extends keyof Methods>(method: K, ...args: Parameters<Methods[K]>): Promise<Awaited<ReturnType<Methods[K]>>>;
  close(): Promise<void>;
}

function connect(workerData: HostOptions): Connection {
  // A name put together, which bundlers of pages do not follow: the worker needs Node.
  const script = new URL(import.meta.url.replace(/node-engine(\.[jt]s)$/, "worker$1"));
  const worker = new Worker(script, { workerData });
  const pending = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let nextId = 1;
  let stopped: Error | undefined;
  const stop = (error: Error) => {
    stopped ??= error;
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
    worker.unref();
  };
  worker.on("message", (reply: Reply) => {
    const call = pending.get(reply.id);
    pending.delete(reply.id);
    if (pending.size === 0) worker.unref();
    if ("result" in reply) call?.resolve(reply.result as never);
    else call?.reject("fault" in reply ? new SeqlabError(reply.fault) : new Error(reply.message));
  });
  worker.on("error", stop);
  worker.on("exit", (code) => stop(new Error(`The engine's worker ended with exit code ${code}.`)));
  worker.unref();
  return {
    call: (method, ...args) =>
      new Promise((resolve, reject) => {
        if (stopped) return reject(stopped);
        const request: Request = { id: nextId++, method, args };
        pending.set(request.id, { resolve, reject });
        // Only calls in progress keep the process alive.
        worker.ref();
        worker.postMessage(request);
      }),
    close: async () => {
      stopped ??= closedError();
      await worker.terminate();
    },
  };
}

function closedError(): Error {
  try {
    return fail({ code: "E_CLOSED", where: "engine", expected: "an open engine", got: "one that was closed" });
  } catch (error) {
    return error as Error;
  }
}
