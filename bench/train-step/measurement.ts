import { z } from "zod";

/** The line that a peer prints after one measured batch of steps. */
export const measurement = z.object({
  peer: z.string().describe("name and version"),
  model: z.string(),
  mode: z.string(),
  params: z.int().positive().describe("parameters counted on the built model, tied ones once"),
  tokens: z.int().positive().describe("tokens per step"),
  seconds: z.array(z.number().positive()).min(3).describe("every step after the warm-up"),
  losses: z.array(z.number()).min(6).describe("nats per token of every step, the warm-up included"),
  peak_bytes: z.number().positive().describe("peak resident memory of the process"),
});

export type Measurement = z.infer<typeof measurement>;

/** Median, smallest and largest of some figures. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: medianOf(values), min: Math.min(...values), max: Math.max(...values) };
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}
