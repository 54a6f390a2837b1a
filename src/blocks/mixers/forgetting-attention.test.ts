import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { forgettingAttention } from "./forgetting-attention.ts";
import { cut, dot, range, sigmoid, sum, times } from "./mamba-naive.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof forgettingAttention.config.parse>,
  ReturnType<typeof forgettingAttention.dims>,
  ReturnType<typeof forgettingAttention.params>
>;
type States = { k: Loose; v: Loose; forgotten: Loose; total: Loose };

/** Lin et al. 2025, eq. 4, one query and one key at a time. */
function sequence({ x, p, c, d, s }: Omit<At, "x" | "s"> & { x: number[][]; s: States | undefined }) {
  const copies = (field: Loose | undefined, heads: number): number[][][] =>
    range(heads).map((h) => (field ? Array.from(field[h]!, (entry) => Array.from(entry as number[])) : []));
  const [k, v] = [copies(s?.k, d.G), copies(s?.v, d.G)];
  const forgotten: number[][] = range(d.H).map((h) => (s ? Array.from(s.forgotten[h]! as number[]) : []));
  const total: number[] = range(d.H).map((h) => s?.total[h] ?? 0);
  const y = x.map((x_t) => {
    const [q, newK, newV] = [cut(times(x_t, p.q), d.H), cut(times(x_t, p.k), d.G), cut(times(x_t, p.v), d.G)];
    for (const g of range(d.G)) {
      k[g]!.push(newK[g]!);
      v[g]!.push(newV[g]!);
    }
    for (const [h, pre] of times(x_t, p.forget, p.forgetBias).entries()) {
      total[h] = total[h]! + Math.log(sigmoid(pre));
      forgotten[h]!.push(total[h]!);
    }
    const o = range(d.H).flatMap((h) => {
      const g = Math.floor(h / d.shared);
      const from = c.window === undefined ? 0 : Math.max(0, k[g]!.length - c.window);
      const weights = k[g]!.slice(from).map((key, i) =>
        Math.exp(dot(key, q[h]!) / Math.sqrt(d.K) + total[h]! - forgotten[h]![from + i]!),
      );
      const values = v[g]!.slice(from);
      return range(d.K).map((i) => sum(values.map((value, j) => value[i]! * weights[j]!)) / sum(weights));
    });
    return times(o, p.out);
  });
  return { y, k, v, forgotten, total };
}

mixerSuite(forgettingAttention, {
  configs: [{ heads: 2 }, { heads: 4, kvHeads: 2, headSize: 3 }, { heads: 2, window: 3 }],
  width: 8,
  naive: ({ x, s, ...at }) => {
    const start = (b: number) => s && { k: s.k[b]!, v: s.v[b]!, forgotten: s.forgotten[b]!, total: s.total[b]! };
    const results = x.map((rows, b) => sequence({ ...at, x: rows, s: start(b) }));
    return {
      y: results.map(({ y }) => y),
      s: {
        k: results.map(({ k }) => k),
        v: results.map(({ v }) => v),
        forgotten: results.map(({ forgotten }) => forgotten),
        total: results.map(({ total }) => total),
      },
    };
  },
});
