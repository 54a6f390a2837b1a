/** What relative position schemes add to one score, from the query, the key and how far apart they are. */
import type { Loose } from "../../testing/index.ts";
import { rowOf } from "../positions/disentangled.ts";
import type { PositionChoice } from "./attention-positions.ts";
import { cut, dot, range, times } from "./plain-loops.ts";

interface Pair {
  q: number[];
  k: number[];
  /** Query's position minus key's. */
  apart: number;
  h: number;
  heads: number;
  p: Readonly<Record<string, Loose | undefined>>;
}

/** In units of q·k; undefined where the scheme is none of these. */
export function relativeScore(positions: PositionChoice, { q, k, apart, h, heads, p }: Pair): number | undefined {
  const of = (name: string) => p[`positions.${name}`]!;
  const limit = Number(positions.maxDistance);
  const near = Math.max(-limit, Math.min(limit, apart));
  const head = (row: number[], map: string) => cut(times(row, of(map), p[`positions.${map}Bias`]), heads)[h]!;
  switch (positions.kind) {
    case "relative":
      return dot(q, of("keys")[limit - near]!);
    case "disentangled": {
      const row = of("table")[rowOf(apart, positions as never)] as number[];
      return dot(q, head(row, "keys")) + dot(k, head(row, "queries"));
    }
    case "transformer-xl": {
      const pairs = of("map").length / 2;
      const angle = (m: number) => near * Number(positions.base ?? 10_000) ** (-m / pairs);
      const sinusoids = [
        ...range(pairs).map((m) => Math.sin(angle(m))),
        ...range(pairs).map((m) => Math.cos(angle(m))),
      ];
      const moved = q.map((value, i) => value + (of("place")[h] as number[])[i]!);
      return dot(of("content")[h]!, k) + dot(moved, head(sinusoids, "map"));
    }
    default:
      return undefined;
  }
}
