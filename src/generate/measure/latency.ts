import { fail } from "../../tensor/index.ts";
import { repeated } from "./figure.ts";

/** How long some work takes. */
export interface Latency {
  medianMs: number;
  /** Longest less shortest. */
  spreadMs: number;
  n: number;
}

export interface LatencyOptions {
  /** Times the work is done before the clock starts. Default 2. */
  warmup?: number;
  /** At least 5, the default. */
  repeats?: number;
  /** Milliseconds from any start. Default `performance.now`. */
  clock?: () => number;
}

/** Does the work again and again, one after the other. Throws E_MEASURE for fewer than five repeats. */
export async function measureLatency(
  work: () => Promise<unknown>,
  { warmup = 2, repeats = 5, clock = () => performance.now() }: LatencyOptions = {},
): Promise<Latency> {
  if (!(Number.isInteger(repeats) && repeats >= 5))
    fail({ code: "E_MEASURE", where: "repeats", expected: "a whole number from 5", got: String(repeats) });
  await repeated(warmup, work);
  const times = await repeated(repeats, async () => {
    const start = clock();
    await work();
    return clock() - start;
  });
  times.sort((a, b) => a - b);
  const middle = (repeats - 1) / 2;
  const medianMs = (times[Math.floor(middle)]! + times[Math.ceil(middle)]!) / 2;
  return { medianMs, spreadMs: times.at(-1)! - times[0]!, n: repeats };
}

/** Units a second, such as tokens, of work that does so many at a time. */
export const throughputOf = ({ medianMs }: Latency, units: number): number => (1000 * units) / medianMs;
