/** Anything that JSON holds. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** One thing that a run shows, or refutes, about a row. */
export interface Claim {
  row: string;
  holds: boolean;
  /** The claim with its numbers: `h = 1 loses 0.08 nats to h = 4 (spread 0.02 over 3 seeds)`. */
  text: string;
}

export interface EvidenceResult {
  /** Every seed that the run used. */
  seeds: readonly number[];
  /** At least one for each of the protocol's rows. */
  claims: readonly Claim[];
  /** The numbers behind the claims, units in the names. */
  figures: Json;
}

/** A run too long for `npm test`: a module of `evidence/protocols/` exports one as `protocol`. */
export interface Protocol {
  /** Name of the file, kebab-case; the result goes to `evidence/<name>.json`. */
  name: string;
  /** Rows that it proves, written out as constants. */
  rows: readonly string[];
  /** About how long it takes on two cores. */
  minutes: number;
  /** Does the work; `report` prints one line of progress. */
  run(report: (line: string) => void): Promise<EvidenceResult>;
}
