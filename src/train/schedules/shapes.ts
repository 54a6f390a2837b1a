/** Rises from 0 to 1 over x ∈ [0, 1]. */
export const rises = {
  linear: (x: number) => x,
  cosine: (x: number) => (1 - Math.cos(Math.PI * x)) / 2,
  "one-minus-sqrt": (x: number) => 1 - Math.sqrt(1 - x),
} as const;

/** Falls from 1 to 0 over x ∈ [0, 1]. */
export const falls = {
  linear: (x: number) => 1 - x,
  cosine: (x: number) => (1 + Math.cos(Math.PI * x)) / 2,
  "one-minus-sqrt": (x: number) => 1 - Math.sqrt(x),
} as const;

/** low at f = 0, high at f = 1. */
export const between = (low: number, high: number, f: number): number => low + (high - low) * f;
