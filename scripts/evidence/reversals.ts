import { createRng } from "../../src/ops/index.ts";
import { type Part, parseTask, sampleOf } from "../../src/tasks/index.ts";

export interface Reversal {
  source: Int32Array;
  target: Int32Array;
}

export interface ReversalDraw {
  symbols: number;
  /** Fewest and most symbols, both drawn. */
  least: number;
  most: number;
  count: number;
  seed: number;
}

/** Sources and what they are backwards. No example of one part comes in the other. */
export function drawReversals(part: Part, { symbols, least, most, count, seed }: ReversalDraw): Reversal[] {
  const configured = parseTask("reversal", { symbols });
  const rng = createRng(seed).fork(part);
  return Array.from({ length: count }, (_, i) => {
    const own = rng.fork(i);
    const length = least + own.below(most - least + 1);
    const { inputs, targets } = sampleOf(configured, own.fork("example"), { part, length });
    return { source: Int32Array.from(inputs.subarray(0, length)), target: targets.slice(-length) };
  });
}

/**
 * How near alignments [T ≥ n][n] of reversals are to the antidiagonal: the mean weight that symbol t gives to place n − 1 − t,
 * and the share of symbols whose largest weight lies there or at a place beside it.
 */
export function antidiagonal(maps: readonly (readonly (readonly number[])[])[]): { weight: number; near: number } {
  let [weight, near, count] = [0, 0, 0];
  for (const rows of maps)
    for (const [t, row] of rows.slice(0, rows[0]!.length).entries()) {
      const place = row.length - 1 - t;
      weight += row[place]!;
      near += Number(Math.abs(row.indexOf(Math.max(...row)) - place) <= 1);
      count++;
    }
  return { weight: weight / count, near: near / count };
}
