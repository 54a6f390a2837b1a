import type { Init, ParameterDeclaration } from "../blocks/index.ts";
import { createRng, type Rng } from "../ops/index.ts";
import { sizeOf } from "../tensor/index.ts";
import { initUnder } from "./init-scheme.ts";
import type { Model } from "./model.ts";

/** Starting values of every parameter by path. Each draws from its own stream, so adding one moves no other. */
export function initialise(model: Model, seed: number): Map<string, Float32Array> {
  const root = createRng(seed).fork("initialise");
  const layers = model.layers.length;
  const entries = [...model.parameters].map(([path, declaration]) => {
    const init = initUnder(model.spec.init, declaration.init);
    return [path, drawParameter({ ...declaration, init }, { rng: root.fork(path), layers })] as const;
  });
  return new Map(entries);
}

function drawParameter(
  { shape, init }: ParameterDeclaration,
  { rng, layers }: { rng: Rng; layers: number },
): Float32Array {
  const size = sizeOf(shape);
  if (init.kind === "values") return Float32Array.from(init.fill(() => rng.uniform(), shape));
  const draw = drawOf(init, { rng, layers });
  const values = new Float32Array(size);
  // A loop: `Float32Array.from` with a callback takes as long again as the draws.
  for (let i = 0; i < size; i++) values[i] = draw();
  return values;
}

function drawOf(init: Exclude<Init, { kind: "values" }>, { rng, layers }: { rng: Rng; layers: number }): () => number {
  switch (init.kind) {
    case "constant":
      return () => init.value;
    case "uniform":
      return () => init.low + (init.high - init.low) * rng.uniform();
    case "normal":
      return () => init.std * normal(rng);
    case "residual":
      return () => (init.std / Math.sqrt(2 * layers)) * normal(rng);
  }
}

/** Box–Muller, one of the pair. */
function normal(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng.uniform())) * Math.cos(2 * Math.PI * rng.uniform());
}
