import type { Engine } from "../engine/index.ts";
import type { Model } from "../model/index.ts";
import { fail, type Shape, sizeOf } from "../tensor/index.ts";

/**
 * Makes parameters and buffers resident in an engine under their paths, where programs find them. Buffers that are not
 * given start at 0. Throws E_PARAMETER where a parameter is missing or has another size.
 */
export async function putParameters(
  engine: Engine,
  model: Model,
  values: ReadonlyMap<string, Float32Array>,
): Promise<void> {
  const shapes: [path: string, shape: Shape, value: Float32Array | undefined][] = [
    ...[...model.parameters].map(([path, { shape }]): [string, Shape, Float32Array | undefined] => [
      path,
      shape,
      values.get(path),
    ]),
    ...[...model.buffers].map(([path, shape]): [string, Shape, Float32Array] => [
      path,
      shape,
      values.get(path) ?? new Float32Array(sizeOf(shape)),
    ]),
  ];
  for (const [path, shape, value] of shapes) {
    if (value?.length !== sizeOf(shape))
      fail({
        code: "E_PARAMETER",
        where: path,
        expected: `${sizeOf(shape)} values of shape [${shape.join(", ")}]`,
        got: value === undefined ? "nothing" : String(value.length),
      });
    await engine.put(path, { data: value, shape, dtype: "f32" });
  }
}
