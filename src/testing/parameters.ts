import type { Init, ParameterDeclaration } from "../blocks/index.ts";
import { createRng, fnv1a } from "../ops/index.ts";
import { sizeOf } from "../tensor/index.ts";
import { type Arrays, mapArray, mapArrays, type NdArray, randomNormal, randomUniform } from "./arrays.ts";

/**
 * A point at which a component is tested: the declared start moved by noise, so that what starts at 0 or 1 (gains,
 * biases, residual matrices) is tried at other values, while what needs its range (log-decays) keeps near it.
 */
export function drawParameters(declarations: Readonly<Record<string, ParameterDeclaration>>): Arrays {
  return mapArrays(declarations, ({ shape, init, role }, name) => {
    const start = startOf(init, { shape, data: new Float64Array(sizeOf(shape)) }, name);
    const scale = role === "matrix" || role === "embedding" ? 0.5 / Math.sqrt(shape.at(-2) ?? 1) : 0.1;
    const noise = randomNormal(`noise ${name}`, shape, scale);
    return mapArray(start, (x, i) => Math.fround(x + noise.data[i]!));
  });
}

function startOf(init: Init, zero: NdArray, name: string): NdArray {
  switch (init.kind) {
    case "constant":
      return mapArray(zero, () => init.value);
    case "uniform":
      return randomUniform(`start ${name}`, zero.shape, [init.low, init.high]);
    case "normal":
    case "residual":
      return randomNormal(`start ${name}`, zero.shape, init.std);
    case "values": {
      const rng = createRng(fnv1a(`start ${name}`));
      return { shape: zero.shape, data: Float64Array.from(init.fill(() => rng.uniform(), zero.shape)) };
    }
  }
}
