/** Linformer one token at a time. */
import type { Loose } from "../../testing/index.ts";
import { dot, range, sum, times } from "./plain-loops.ts";

interface At {
  c: { oneKvHead: boolean; sharedKv: boolean };
  /** Query heads, head size, slots. */
  d: { H: number; K: number; S: number };
  p: Readonly<Record<string, Loose>>;
}

/** What tokens read of slots into which keys and values of another sequence, or of their own, are summed (Wang et al. 2020, eq. 7). */
export function readSlotsNaively(tokens: number[][], source: number[][], { c, d, p }: At): number[][] {
  const slots = (map: Loose, weights: Loose) => {
    const rows = source.map((token) => times(token, map));
    return range(d.S).map((s) => rows[0]!.map((_, i) => sum(rows.map((row, t) => weights[t]![s]! * row[i]!))));
  };
  const k = slots(p.k!, p.keySlots!);
  const v = c.sharedKv ? k : slots(p.v!, p.valueSlots!);
  const part = (row: readonly number[], h: number) => row.slice(h * d.K, (h + 1) * d.K);
  return tokens.map((token) => {
    const q = times(token, p.q!);
    const heads = range(d.H).flatMap((h) => {
      const own = c.oneKvHead ? 0 : h;
      const weights = k.map((row) => Math.exp(dot(part(q, h), part(row, own)) / Math.sqrt(d.K)));
      return range(d.K).map((i) => sum(v.map((row, s) => weights[s]! * part(row, own)[i]!)) / sum(weights));
    });
    return times(heads, p.out!, p.outBias);
  });
}
