/** Effects of a 2ᵏ factorial (Box, Hunter & Hunter 1978, chapter 10). */
import { studentT } from "../../tasks/index.ts";
import type { FinishedCell } from "./cell.ts";
import type { MeasureName } from "./measures.ts";
import type { Factor } from "./schema.ts";
import { groupsOf, measuredOf } from "./summary.ts";

export interface Effect {
  /** One factor, or two for their interaction. */
  factors: readonly string[];
  /** Mean where the product of signs is + minus mean where it is −; the second level of a factor is +. */
  value: number;
  /** 95 % interval from the variance of the seeds within a cell. */
  low: number;
  high: number;
}

/** Main effects, then interactions of two factors. Cells without a value are an error of the study: all must have one. */
export function factorialEffects(
  cells: readonly FinishedCell[],
  { factors, measure, level = 0.95 }: { factors: readonly Factor[]; measure: MeasureName; level?: number },
): Effect[] {
  const groups = groupsOf(cells).map(({ levels, cells: own }) => ({
    signs: Object.fromEntries(
      factors.map(({ name, levels: [off] }) => [name, levels[name] === off!.label ? -1 : 1] as const),
    ),
    values: own.map((cell) => measuredOf(cell, measure)),
  }));
  const seeds = groups[0]!.values.length;
  const freedom = groups.length * (seeds - 1);
  const within = groups.reduce((sum, { values }) => sum + squaresAbout(values), 0) / freedom;
  const reach = studentT(freedom).quantile((1 + level) / 2) * Math.sqrt((4 * within) / (groups.length * seeds));
  const names = factors.map(({ name }) => name);
  const pairs = names.flatMap((one, i) => names.slice(i + 1).map((other) => [one, other]));
  return [...names.map((name) => [name]), ...pairs].map((own) => {
    const sum = groups.reduce((total, { signs, values }) => {
      const sign = own.reduce((product, name) => product * signs[name]!, 1);
      return total + sign * meanOf(values);
    }, 0);
    const value = sum / (groups.length / 2);
    return { factors: own, value, low: value - reach, high: value + reach };
  });
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function squaresAbout(values: readonly number[]): number {
  const centre = meanOf(values);
  return values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
}
