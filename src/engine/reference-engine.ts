import { fail, inputsOf, type Program } from "../tensor/index.ts";
import type { Engine, Executable, RunOptions, Values } from "./engine.ts";
import { compileReference } from "./reference.ts";
import { Residents, typed } from "./reference-residents.ts";
import { ReferenceTrainer } from "./reference-trainer.ts";

/**
 * The truth in tests, and what runs where no native engine loads: plain loops in f64 on the calling thread.
 * Trained parameters and optimizer slots are kept in f32, as checkpoints store them.
 */
export function createReferenceEngine(): Engine {
  const residents = new Residents();
  let open = true;
  const use: Use = async (work) => {
    if (!open) fail({ code: "E_CLOSED", where: "engine", expected: "an open engine", got: "one that was closed" });
    return work();
  };
  return {
    kind: "reference",
    compile: (program) => use(() => executable(program, residents, use)),
    trainer: (definition) =>
      use(() => {
        const trainer = new ReferenceTrainer(definition, residents);
        return {
          step: (batches, scalars, program) => use(() => trainer.step(batches, scalars, program)),
          read: (what) => use(() => trainer.read(what)),
          write: (what, values) => use(() => trainer.write(what, values)),
          dispose: () => use(() => trainer.dispose()),
        };
      }),
    put: (name, { data, ...type }) => use(() => residents.put(name, { data: Float64Array.from(data), ...type })),
    get: (name) => use(() => residents.read(name)),
    drop: (names) => use(() => residents.drop(names)),
    // Graphs are walked as they are: there is nothing to share.
    usage: () => use(() => ({ sessions: 0, idleSessions: 0, sessionsCreated: 0, ...residents.usage() })),
    close: async () => {
      open = false;
    },
  };
}

/** Runs work unless the engine was closed. */
type Use = <T>(work: () => T) => Promise<T>;

function executable(program: Program, residents: Residents, use: Use): Executable {
  const names = Object.keys(program.outputs);
  const leaves = [...inputsOf(program)];
  const plan = compileReference(Object.values(program.outputs));
  const run = (feeds: Values, { keep = {}, append = {} }: RunOptions): Values => {
    const values = plan.run(
      Object.fromEntries(leaves.map(([name, leaf]) => [name, residents.feed(leaf, name, feeds)])),
    );
    const returned: Record<string, Values[string]> = {};
    names.forEach((name, i) => {
      const { shape, dtype } = program.outputs[name]!;
      if (name in keep) residents.put(keep[name]!, { data: values[i]!, shape, dtype });
      else if (name in append) residents.append(values[i]!, shape, append[name]!);
      else returned[name] = typed[dtype](values[i]!);
    });
    return returned;
  };
  return { run: (feeds, options = {}) => use(() => run(feeds, options)), dispose: async () => {} };
}
