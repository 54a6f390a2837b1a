/** A study's cells as figures: means over seeds with their spreads, claims judged. */
import { figure } from "../comparison/protocol.ts";
import type { Figure } from "../comparison/results.ts";
import type { FinishedCell } from "./cell.ts";
import { type MeasureName, measures } from "./measures.ts";
import type { Claim, Selector } from "./schema.ts";

/** The cells of one combination of levels, by seed. */
export interface Group {
  levels: Readonly<Record<string, string>>;
  cells: readonly FinishedCell[];
}

/** Combinations in the order in which they come first. */
export function groupsOf(cells: readonly FinishedCell[]): Group[] {
  const groups = new Map<string, FinishedCell[]>();
  for (const cell of cells) {
    const key = JSON.stringify(Object.entries(cell.levels));
    groups.set(key, [...(groups.get(key) ?? []), cell]);
  }
  return [...groups.values()].map((own) => ({ levels: own[0]!.levels, cells: own }));
}

/** A measure of a cell, on the test of that label or on the first one. NaN where it is not defined. */
export function measuredOf({ result }: FinishedCell, measure: MeasureName, test?: string): number {
  if (result.outcome === "undefined") return Number.NaN;
  const own = test === undefined ? result.tests[0] : result.tests.find(({ label }) => label === test);
  return measures[measure].value(result, own);
}

/** Mean and spread over the seeds for which the measure is defined; undefined where it is for none. */
export function figureOf({ cells }: Pick<Group, "cells">, measure: MeasureName, test?: string): Figure | undefined {
  const values = cells.map((cell) => measuredOf(cell, measure, test)).filter(Number.isFinite);
  return values.length === 0 ? undefined : figure(values);
}

export const matches = (levels: Readonly<Record<string, string>>, selector: Selector): boolean =>
  Object.entries(selector).every(([name, labels]) => [labels].flat().includes(levels[name]!));

/** What the cells say of a claim. */
export interface Verdict {
  text: string;
  /** In how many seeds it holds: all, some or none of those for which it has a meaning; undefined: it has for none. */
  holds: "all" | "some" | "none" | "undefined";
  /** Those seeds, of how many for which it has a meaning. */
  seeds: { hold: number; of: number };
  /** By how much, over the seeds: the second minus the first, or the value and its bound. */
  found: Figure;
  kind: Claim["kind"];
  measure: MeasureName;
}

const pick = {
  mean: (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length,
  least: (values: readonly number[]) => Math.min(...values),
  greatest: (values: readonly number[]) => Math.max(...values),
} as const;

/** Judges a claim seed by seed. A diverged cell loses every comparison of losses. */
export function judge(claim: Claim, cells: readonly FinishedCell[]): Verdict {
  const seeds = [...new Set(cells.map(({ seed }) => seed))];
  const at = (selector: Selector, seed: number, how: keyof typeof pick) => {
    const own = cells.filter((cell) => cell.seed === seed && matches(cell.levels, selector));
    return pick[how](own.map((cell) => orWorst(measuredOf(cell, claim.measure, claim.test), cell, claim.measure)));
  };
  const found = seeds
    .map((seed) => {
      if (claim.kind !== "lower") return at(claim.of, seed, claim.kind === "at-least" ? "least" : "greatest");
      return at(claim.than, seed, claim.thanIs) - at(claim.of, seed, claim.ofIs);
    })
    .filter(Number.isFinite);
  const isTrue = (value: number) =>
    claim.kind === "lower" ? value > 0 : claim.kind === "at-least" ? value >= claim.value : value <= claim.value;
  const hold = found.filter(isTrue).length;
  const { text, kind, measure } = claim;
  return {
    ...{ text, kind, measure },
    found: found.length === 0 ? { mean: Number.NaN, spread: Number.NaN, n: 0 } : figure(found),
    holds: holdsIn(hold, found.length),
    seeds: { hold, of: found.length },
  };
}

function holdsIn(hold: number, of: number): Verdict["holds"] {
  if (of === 0) return "undefined";
  return hold === of ? "all" : hold === 0 ? "none" : "some";
}

/** A training that diverged counts as worse than one that learnt nothing, whatever it had reached before. */
function orWorst(value: number, { result }: FinishedCell, measure: MeasureName): number {
  if (result.outcome !== "diverged") return value;
  const { better, unit } = measures[measure];
  if (better === "higher") return 0;
  const useless = 2 * result.frequencyNats * (unit === "bits" ? Math.LOG2E : 1);
  return unit === "bits" || unit === "nats" ? Math.max(useless, Number.isNaN(value) ? 0 : value) : value;
}
