/** Promises that many mixers make alike; a mixer that differs in one says so beside it. */
import type { Capabilities } from "./define.ts";

/** A recurrence: a state of constant size, any length, no bit of an output decided by what comes later. */
export const recurrent = {
  flow: "causal",
  state: "finite",
  length: "any",
  batch: "independent",
  smooth: "everywhere",
  exact: "bitwise",
} as const satisfies Capabilities;

/** Causal attention: what it keeps grows with context. */
export const growingCache = { ...recurrent, state: "growing" } as const satisfies Capabilities;

/** Every output sees the whole sequence, so there is nothing to decode with. */
export const wholeSequence = {
  flow: "bidirectional",
  state: "none",
  length: "any",
  batch: "independent",
  smooth: "everywhere",
  exact: "bitwise",
} as const satisfies Capabilities;
