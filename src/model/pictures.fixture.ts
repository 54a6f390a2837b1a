/** Small pictures made by a rule, the same for the same seed: stripes across a square, with noise. */
import { createRng, type Rng } from "../ops/index.ts";

export interface Pictures {
  /** [count · side · side], row by row. */
  clean: Float32Array;
  noisy: Float32Array;
  /** Which of the directions the stripes run, [count]. */
  directions: Int32Array;
}

function normal(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng.uniform())) * Math.cos(2 * Math.PI * rng.uniform());
}

/** Stripes 3 to 5 cells apart, in one of `directions` directions, at any phase; `noise` is the deviation of what is added. */
export function stripes(
  seed: number,
  { count, side, directions, noise }: { count: number; side: number; directions: number; noise: number },
): Pictures {
  const rng = createRng(seed);
  const drawn = Array.from({ length: count }, () => ({
    direction: rng.below(directions),
    wave: (2 * Math.PI) / (3 + 2 * rng.uniform()),
    phase: 2 * Math.PI * rng.uniform(),
  }));
  const clean = Float32Array.from({ length: count * side * side }, (_, i) => {
    const { direction, wave, phase } = drawn[Math.floor(i / side ** 2)]!;
    const [row, column] = [Math.floor(i / side) % side, i % side];
    const angle = (Math.PI * direction) / directions;
    return Math.sin(wave * (row * Math.cos(angle) + column * Math.sin(angle)) + phase);
  });
  return {
    clean,
    noisy: clean.map((value) => value + noise * normal(rng)),
    directions: Int32Array.from(drawn, ({ direction }) => direction),
  };
}
