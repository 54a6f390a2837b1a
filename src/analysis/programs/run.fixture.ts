import { compileReference } from "../../engine/index.ts";
import { input } from "../../tensor/index.ts";
import { evaluationIo, inputSource } from "../../train/index.ts";
import type { HandWritten } from "./hand-written.ts";

/** The model as a function of [tokens · width] features. */
export function compiled({ model, values, output }: HandWritten, tokens: number) {
  const x = input("x", [1, tokens, model.spec.width]);
  const { probes } = model.forward(x, { source: inputSource(), io: evaluationIo() });
  const program = compileReference([probes[output]!]);
  return (features: ArrayLike<number>): Float64Array =>
    program.run({ x: Float64Array.from(features), ...Object.fromEntries(values) })[0]!;
}
