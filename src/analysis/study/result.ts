/** A finished study as data: what `--json` prints, and what is kept as evidence. */
import { describeMachine, versions } from "../comparison/protocol.ts";
import type { FinishedCell } from "./cell.ts";
import { type Effect, factorialEffects } from "./effects.ts";
import { protocolHash } from "./plan.ts";
import type { Study } from "./schema.ts";
import { judge, type Verdict } from "./summary.ts";

export interface StudyResult {
  study: Study;
  protocol: {
    /** What tells this protocol from others: see `protocolHash`. */
    hash: string;
    larger: boolean;
    seeds: number;
    /** ISO date and time of its end. */
    date: string;
    versions: Readonly<Record<string, string>>;
    machine: ReturnType<typeof describeMachine>;
    /** Sum over all cells. */
    seconds: number;
  };
  verdicts: readonly Verdict[];
  effects: readonly { measure: Study["effects"][number]; effects: readonly Effect[] }[];
  cells: readonly FinishedCell[];
}

export function resultOf(
  study: Study,
  cells: readonly FinishedCell[],
  { larger = false, threads }: { larger?: boolean; threads: number },
): StudyResult {
  return judgedResult(study, cells, {
    hash: protocolHash(study),
    larger,
    seeds: new Set(cells.map(({ seed }) => seed)).size,
    date: new Date().toISOString(),
    versions: versions(),
    machine: describeMachine(threads),
    seconds: cells.reduce((sum, { result }) => sum + result.seconds, 0),
  });
}

/** The same from cells whose protocol is known: statements and effects follow from the cells. */
export function judgedResult(
  study: Study,
  cells: readonly FinishedCell[],
  protocol: StudyResult["protocol"],
): StudyResult {
  return {
    study,
    protocol,
    verdicts: study.claims.map((claim) => judge(claim, cells)),
    effects: study.effects.map((measure) => ({
      measure,
      effects: factorialEffects(cells, { factors: study.factors, measure }),
    })),
    cells,
  };
}
