import { createRng } from "../../src/ops/index.ts";

/** x″ + 2ζω x′ + ω² x = 0 with ζ < 1, from amplitude 1. */
export interface Oscillator {
  /** ω, radians a second. */
  rate: number;
  /** ζ */
  damping: number;
  /** φ, radians. */
  phase: number;
}

/** x(t) = exp(−ζωt) cos(√(1 − ζ²) ωt + φ). */
export const positionAt = ({ rate, damping, phase }: Oscillator, time: number): number =>
  Math.exp(-damping * rate * time) * Math.cos(Math.sqrt(1 - damping ** 2) * rate * time + phase);

export interface Readings {
  /** [count·T·2]: the position, and the seconds until the next reading. */
  inputs: Float32Array;
  /** [count]: the position at the reading after the last. */
  targets: Float32Array;
}

/** Damped oscillators of drawn rate (1 to 3), damping (0.05 to 0.3) and phase, read T times with gaps of 0.1 to 0.9 seconds. */
export function drawReadings({ count, length: T, seed }: { count: number; length: number; seed: number }): Readings {
  const [inputs, targets] = [new Float32Array(count * T * 2), new Float32Array(count)];
  const rng = createRng(seed).fork("oscillators");
  for (let row = 0; row < count; row++) {
    const own = rng.fork(row);
    const between = (low: number, high: number) => low + (high - low) * own.uniform();
    const oscillator = { rate: between(1, 3), damping: between(0.05, 0.3), phase: between(0, 2 * Math.PI) };
    let time = 0;
    for (let t = 0; t < T; t++) {
      const gap = between(0.1, 0.9);
      inputs.set([positionAt(oscillator, time), gap], (row * T + t) * 2);
      time += gap;
    }
    targets[row] = positionAt(oscillator, time);
  }
  return { inputs, targets };
}
