import { constant, type Tensor } from "../../tensor/index.ts";

/** One sinusoid of the position: angle = position · frequency + quarters · π/2. */
export interface Wave {
  /** Radians per position. */
  frequency: number;
  /** Quarter turns added: sin becomes cos with 1. */
  quarters?: number;
}

const word = 2 ** 32;

/**
 * Angles in radians modulo a whole turn: positions i32 [..., 1] → f32 [..., waves].
 * A product in f32 would be off by position · 2⁻²⁴ (0.004 rad at 64k). Here frequency / 2π is kept as two 32-bit words:
 * the upper one is multiplied in u32, where whole turns wrap away exactly, and the lower one, at most one unit of the
 * upper per position, is added in f32. The error stays below 10⁻⁶ rad up to position 2²³, and far below in f64.
 */
export function anglesOf(positions: Tensor, waves: readonly Wave[]): Tensor {
  const words = waves.map(({ frequency, quarters = 0 }) => fixedPoint(frequency / (2 * Math.PI), quarters / 4));
  const vector = (pick: (w: FixedPoint) => number, dtype: "u32" | "f32") =>
    constant(words.map(pick), [waves.length], dtype);
  const upper = positions
    .cast("u32")
    .mul(vector((w) => w.upper, "u32"))
    .add(vector((w) => w.phase, "u32"));
  const lower = positions.cast("f32").mul(vector((w) => w.lower, "f32"));
  return upper
    .cast("f32")
    .add(lower)
    .mul((2 * Math.PI) / word);
}

interface FixedPoint {
  upper: number;
  /** In units of the upper word, below 1. */
  lower: number;
  phase: number;
}

/** Every step is exact: scaling by a power of two, and splitting a number at the point. */
function fixedPoint(turns: number, phase: number): FixedPoint {
  const scaled = fraction(turns) * word;
  return { upper: Math.floor(scaled), lower: scaled - Math.floor(scaled), phase: fraction(phase) * word };
}

const fraction = (x: number): number => x - Math.floor(x);
