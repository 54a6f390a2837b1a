import { fail } from "../../../tensor/error.ts";

/** Texts to be scored: one hypothesis a segment (a sentence, a line), and its references. */
export interface ScoredText {
  readonly hypotheses: readonly string[];
  /** One list a segment; lists may differ in length, none is empty. */
  readonly references: readonly (readonly string[])[];
}

/** One segment and its references. */
export interface ScoredSegment {
  readonly hypothesis: string;
  readonly references: readonly string[];
}

/** Throws E_SCORE_TEXT where there is nothing to score, or hypotheses and references do not correspond. */
export function segmentsOf({ hypotheses, references }: ScoredText): ScoredSegment[] {
  if (hypotheses.length === 0) refuse("hypotheses", "at least one segment", "none");
  if (references.length !== hypotheses.length)
    refuse("references", `references of ${hypotheses.length} segments, one list a hypothesis`, `${references.length}`);
  return hypotheses.map((hypothesis, i) => {
    if (references[i]!.length === 0) refuse(`references[${i}]`, "at least one reference", "none");
    return { hypothesis, references: references[i]! };
  });
}

function refuse(where: string, expected: string, got: string): never {
  return fail({ code: "E_SCORE_TEXT", where, expected, got });
}

/** Checks an order of n-grams. Throws E_SCORE_OPTION. */
export function assertOrder(where: string, order: number, least: number): void {
  if (!Number.isInteger(order) || order < least)
    fail({ code: "E_SCORE_OPTION", where, expected: `a whole number from ${least}`, got: String(order) });
}
