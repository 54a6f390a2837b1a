import type { Tensor as OrtTensor } from "onnxruntime-web";
import { fail, input, type Program, type TensorData } from "../../tensor/index.ts";
import type { Engine, Executable, RunOptions, Trainer, TrainerDefinition, Values } from "../engine.ts";
import { WebResidents } from "./residents.ts";
import { loadRuntime, type Place, type WebEngineOptions } from "./runtime.ts";
import { createSession, type WebSession } from "./session.ts";
import { WebTrainer } from "./trainer.ts";
import { dataOf } from "./values.ts";

/**
 * ONNX Runtime Web, in a page, a web worker or Node: WebAssembly with threads and SIMD, or WebGPU. It computes on the
 * calling thread; start it in a web worker where a page must stay responsive. Throws E_GPU where "webgpu" finds none.
 */
export async function createWebEngine(options: WebEngineOptions = {}): Promise<Engine> {
  const place = await loadRuntime(options);
  // Compiled shaders live as long as any session does: one stays open until the engine is closed.
  if (place.provider === "webgpu") await createSession(place, { outputs: { y: input("x", [1]).add(1) } });
  const residents = new WebResidents(place.ort);
  const use = createQueue();
  return {
    kind: "web",
    compile: (program) => use.next(() => compile(program, { place, residents, use })),
    trainer: (definition) => use.next(() => trainer(definition, { place, residents, use })),
    put: (name, value) => use.next(() => residents.put(name, value)),
    get: (name) => use.next(() => residents.read(name)),
    drop: (names) => use.next(() => residents.drop(names)),
    usage: () =>
      use.next(() => {
        const { open, idle, created } = place.sessions.counts();
        return { sessions: open, idleSessions: idle, sessionsCreated: created, ...residents.usage() };
      }),
    close: async () => {
      await use.end();
      await place.sessions.clear();
      residents.clear();
    },
  };
}

/** Work one at a time: a session must not run twice at once, and values must not change under a run. */
interface Queue {
  next<T>(work: () => T | Promise<T>): Promise<T>;
  /** Refuses further work, and waits for what was begun. */
  end(): Promise<void>;
}

function createQueue(): Queue {
  let open = true;
  let last: Promise<unknown> = Promise.resolve();
  return {
    next(work) {
      const result = last.then(() =>
        open
          ? work()
          : fail({ code: "E_CLOSED", where: "engine", expected: "an open engine", got: "one that was closed" }),
      );
      last = result.catch(() => {});
      return result;
    },
    async end() {
      open = false;
      await last;
    },
  };
}

interface Surroundings {
  place: Place;
  residents: WebResidents;
  use: Queue;
}

async function compile(program: Program, { place, residents, use }: Surroundings): Promise<Executable> {
  const session = await createSession(place, program);
  return {
    run: (feeds, options = {}) => use.next(() => run(session, residents, { feeds, ...options })),
    dispose: () => use.next(() => session.release()),
  };
}

async function run(
  session: WebSession,
  residents: WebResidents,
  { feeds, keep = {}, append = {} }: RunOptions & { feeds: Values },
): Promise<Values> {
  const inputs: Record<string, OrtTensor> = {};
  for (const [name, leaf] of session.inputs) inputs[name] = residents.feed(name, leaf, feeds);
  const results = await session.run(inputs);
  const returned: Record<string, TensorData> = {};
  const kept = new Set([...results].filter(([output]) => output in keep).map(([, value]) => value));
  for (const [output, value] of results) {
    if (output in keep) residents.replace(keep[output]!, value);
    else if (output in append) await residents.append(value, append[output]!);
    else returned[output] = kept.has(value) ? (await dataOf(value)).slice() : await dataOf(value);
  }
  return returned;
}

async function trainer(definition: TrainerDefinition, { place, residents, use }: Surroundings): Promise<Trainer> {
  const trained = new WebTrainer(place, residents, definition);
  await trained.session("step");
  return {
    step: (batches, scalars, program) => use.next(() => trained.step(batches, scalars, program)),
    read: (what) => use.next(() => trained.read(what)),
    write: (what, values) => use.next(() => trained.write(what, values)),
    dispose: () => use.next(() => trained.dispose()),
  };
}
