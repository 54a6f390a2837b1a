import { fail } from "../../tensor/index.ts";

export const sizeMeasures = ["params", "activeParams", "stateBytes"] as const;
export type SizeMeasure = (typeof sizeMeasures)[number];
export const budgetMeasures = ["tokens", "flops", "minutes"] as const;
export type BudgetMeasure = (typeof budgetMeasures)[number];

export interface Setting<M extends string> {
  measure: M;
  value: number;
}

/** `params=0.5M`, `activeParams=…`, `stateBytes=64k`, or `as-is` for the specs' own sizes. */
export function parseSize(text: string): Setting<SizeMeasure> | undefined {
  return text === "as-is" ? undefined : parseSetting("--size", text, sizeMeasures);
}

/** `tokens=200k`, `flops=1e12` or `minutes=2`, for each model and seed. */
export function parseBudget(text: string): Setting<BudgetMeasure> {
  return parseSetting("--budget", text, budgetMeasures);
}

const factors: Readonly<Record<string, number>> = { "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12 };

function parseSetting<M extends string>(where: string, text: string, measures: readonly M[]): Setting<M> {
  const [, name, digits, suffix = ""] = /^([A-Za-z]+)=(\d+(?:\.\d+)?(?:e\d+)?)([kMGT]?)$/.exec(text) ?? [];
  const measure = measures.find((candidate) => candidate === name);
  const value = Number(digits) * factors[suffix]!;
  if (measure === undefined || !(value > 0))
    fail({
      code: "E_SETTING",
      where,
      expected: `one of ${measures.join(", ")}, = and a number (k, M, G, T)`,
      got: `"${text}"`,
      hint: `For instance ${where} ${measures[0]}=500k.`,
    });
  return { measure, value };
}
