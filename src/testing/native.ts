import { createNodeEngine, type Engine } from "../engine/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { Arrays } from "./arrays.ts";
import { type Evaluation, feedsOf, gradientsOf, type Subject, trace } from "./subject.ts";

let engine: Engine | undefined;

/** One native engine for all tests of a worker; it does not keep the process alive, and whoever closes it leaves a new one to the others. */
export function nativeEngine(): Engine {
  engine ??= reopened(createNodeEngine({ threads: 2 }));
  return engine;
}

function reopened(inner: Engine): Engine {
  return {
    ...inner,
    close() {
      engine = undefined;
      return inner.close();
    },
  };
}

/** Compiles for the native engine; each call of the result runs once. */
export async function compileNative(outputs: Readonly<Record<string, Tensor>>, inputs: Arrays) {
  const program = await nativeEngine().compile({ outputs });
  const read = inputsReadBy(inputs);
  return {
    run: async (): Promise<Arrays> => {
      const values = await program.run(read);
      return Object.fromEntries(
        Object.entries(outputs).map(([name, { shape }]) => [name, { shape, data: Float64Array.from(values[name]!) }]),
      );
    },
    dispose: () => program.dispose(),
  };
}

const inputsReadBy = (inputs: Arrays) =>
  Object.fromEntries(Object.entries(feedsOf(inputs)).map(([name, data]) => [name, Float32Array.from(data)]));

/** Outputs, and gradients by the inputs that the outputs depend on, `runs` times from one compilation. */
export async function evaluateNative(subject: Subject, { runs = 1 } = {}): Promise<Evaluation[]> {
  const traced = trace(subject);
  const gradients = Object.entries(gradientsOf(traced)).filter(
    (entry): entry is [string, Tensor] => entry[1] !== undefined,
  );
  const prefixed = Object.fromEntries(gradients.map(([name, g]) => [`gradient of ${name}`, g]));
  const program = await compileNative({ ...traced.outputs, ...prefixed }, subject.inputs);
  const results: Evaluation[] = [];
  for (let i = 0; i < runs; i++) {
    const values = await program.run();
    const pick = (names: readonly string[], prefix: string) =>
      Object.fromEntries(names.map((name) => [name, values[`${prefix}${name}`]!]));
    results.push({
      outputs: pick(Object.keys(traced.outputs), ""),
      gradients: pick(
        gradients.map(([name]) => name),
        "gradient of ",
      ),
    });
  }
  await program.dispose();
  return results;
}
