import type { Rng } from "../../ops/index.ts";
import type { Noise } from "./denoise.ts";

/** Draws that depend on the stream, the step and the place alone. */
export function noiseOf(rng: Rng, vocabulary: number): Noise {
  const at = (label: string, step: number, place: number) => rng.fork(label).fork(step).fork(place);
  return {
    candidates: (step, place) => {
      const draws = at("candidates", step, place);
      return Float64Array.from({ length: vocabulary }, () => draws.uniform());
    },
    order: (step, place) => at("order", step, place).uniform(),
  };
}
