/**
 * Floating-point formats that a training can keep numbers in. No engine here computes in them: numbers are rounded to their
 * values and go on as f32, which shows what a format does to learning, not how fast it is.
 */
export interface Format {
  /** Bits behind the binary point. */
  fractionBits: number;
  /** Of the smallest normal number. */
  minExponent: number;
  largest: number;
  /** What numbers that round above `largest` become. */
  overflow: number;
}

/** bfloat16, IEEE binary16, and the two 8-bit formats of Micikevicius et al. 2022 (e4m3 has no infinities). */
export const formats = {
  bf16: { fractionBits: 7, minExponent: -126, largest: (2 - 2 ** -7) * 2 ** 127, overflow: Number.POSITIVE_INFINITY },
  f16: { fractionBits: 10, minExponent: -14, largest: 65504, overflow: Number.POSITIVE_INFINITY },
  e4m3: { fractionBits: 3, minExponent: -6, largest: 448, overflow: Number.NaN },
  e5m2: { fractionBits: 2, minExponent: -14, largest: 57344, overflow: Number.POSITIVE_INFINITY },
} as const satisfies Record<string, Format>;

export const storageKinds = ["f32", "bf16", "f16", "e4m3", "e5m2"] as const;
export type StorageKind = (typeof storageKinds)[number];

/** Rounds each number to the nearest of a format, ties to the even one; f32 is left as it is. */
export function roundNumbers(values: Float32Array, kind: StorageKind): Float32Array {
  return kind === "f32" ? values : values.map((value) => roundNumber(value, formats[kind]));
}

function roundNumber(x: number, { fractionBits, minExponent, largest, overflow }: Format): number {
  if (x === 0 || Number.isNaN(x)) return x;
  const magnitude = Math.abs(x);
  if (magnitude === Number.POSITIVE_INFINITY) return Math.sign(x) * overflow;
  const unit = 2 ** (Math.max(exponentOf(magnitude), minExponent) - fractionBits);
  const rounded = nearestEven(magnitude / unit) * unit;
  return Math.sign(x) * (rounded > largest ? overflow : rounded);
}

/** ⌊log₂ x⌋, where the logarithm itself is rounded. */
function exponentOf(x: number): number {
  const guess = Math.floor(Math.log2(x));
  return 2 ** guess > x ? guess - 1 : 2 ** (guess + 1) <= x ? guess + 1 : guess;
}

function nearestEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
