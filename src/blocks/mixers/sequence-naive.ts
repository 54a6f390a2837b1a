/** Naive forms of a batch made of those of one sequence, which know nothing of the others. */
import type { Loose, NaiveMixerResult } from "../../testing/index.ts";

type Nested = NaiveMixerResult["y"];

interface Given<C, D, P> {
  c: C;
  d: D;
  p: P;
}

/** One sequence [T][D] of a batch, and its states by name where it does not start afresh. */
export type OneSequence<At extends Given<unknown, unknown, unknown>, S extends string> = Pick<At, "c" | "d" | "p"> & {
  x: number[][];
  s: Readonly<Record<S, Loose>> | undefined;
};

/** The naive form of a batch from that of a sequence, which returns its outputs and its states by name. */
export const eachSequence =
  <C, D, P, S extends string>(
    states: readonly S[],
    sequence: (at: OneSequence<Given<C, D, P>, S>) => { y: Nested } & Readonly<Record<S, Nested>>,
  ) =>
  ({ x, s, c, d, p }: Given<C, D, P> & { x: number[][][]; s?: Readonly<Record<S, Loose>> }): NaiveMixerResult => {
    const byName = <T>(of: (name: S) => T) =>
      Object.fromEntries(states.map((name) => [name, of(name)])) as Record<S, T>;
    const results = x.map((rows, b) => sequence({ c, d, p, x: rows, s: s && byName((name) => s[name][b]!) }));
    return { y: results.map(({ y }) => y), s: byName((name) => results.map((result) => result[name])) };
  };
