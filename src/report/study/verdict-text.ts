import { type Effect, measures, type StudyResult, type Verdict } from "../../analysis/index.ts";
import { counted, plusMinus, threeDigits } from "../format.ts";
import { measureText } from "./number.ts";

/** What was found about a claim: in how many seeds, and by how much. */
export function verdictText({ text, seeds, found, kind, measure }: Verdict): string {
  const share = `${seeds.hold} of ${counted(seeds.of, "seed")}`;
  if (kind !== "lower") return `${text}: ${share}; ${measureText(measure, found)}.`;
  const percent = measures[measure].unit === "share";
  const gap = percent ? { ...found, mean: 100 * found.mean, spread: 100 * found.spread } : found;
  return `${text}: ${share}; difference ${plusMinus(gap, percent ? 1 : 3)}${percent ? " points" : ""}.`;
}

export const holdsText: Readonly<Record<Verdict["holds"], string>> = {
  all: "holds",
  some: "seeds disagree",
  none: "does not hold",
  undefined: "not defined",
};

/** What the cells say together: how many statements hold whatever the seed. */
export function summaryText({ verdicts, protocol }: StudyResult): string {
  const seeds = counted(protocol.seeds, "seed");
  if (verdicts.length === 0) return `Means over ${seeds}; ± is the spread, highest minus lowest.`;
  const hold = verdicts.filter(({ holds }) => holds === "all").length;
  return `${hold} of ${counted(verdicts.length, "statement")} hold in ${protocol.seeds === 1 ? "the one seed tried" : `all of ${seeds}`}.`;
}

/** An effect with its interval, and whether that leaves out zero. */
export function effectCells({ factors, value, low, high }: Effect): string[] {
  return [
    factors.join(" × "),
    threeDigits(value),
    `${threeDigits(low)} … ${threeDigits(high)}`,
    low > 0 || high < 0 ? "yes" : "no",
  ];
}

export const effectColumns = ["factor", "effect", "95 % interval", "without 0"] as const;
