import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { forgettingAttention } from "./forgetting-attention.ts";
import { cut, dot, range, sigmoid, sum, times } from "./plain-loops.ts";

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
    for (const [h, pre] of times(x_t, p.forget!, p.forgetBias).entries()) {
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

/** A gate for every pair: Σ log σ(a_t·b_l / √P) over s ≤ l < t. */
function pairwise({ x, p, c, d, s }: Omit<At, "x" | "s"> & { x: number[][]; s: PairStates | undefined }) {
  const copies = (field: Loose | undefined, heads: number): number[][][] =>
    range(heads).map((h) => (field ? Array.from(field[h]!, (entry) => Array.from(entry as number[])) : []));
  const [k, v, gateKeys] = [copies(s?.k, d.G), copies(s?.v, d.G), copies(s?.gateKeys, d.H)];
  const y = x.map((x_t) => {
    const [q, newK, newV] = [cut(times(x_t, p.q), d.H), cut(times(x_t, p.k), d.G), cut(times(x_t, p.v), d.G)];
    const pairs = cut(times(x_t, p.pairs!), 2 * d.H);
    for (const g of range(d.G)) {
      k[g]!.push(newK[g]!);
      v[g]!.push(newV[g]!);
    }
    const o = range(d.H).flatMap((h) => {
      const g = Math.floor(h / d.shared);
      const logs = gateKeys[h]!.map((key) => Math.log(sigmoid(dot(pairs[h]!, key) / Math.sqrt(c.pairGates!))));
      const weights = k[g]!.map((key, i) => Math.exp(dot(key, q[h]!) / Math.sqrt(d.K) + sum(logs.slice(i))));
      return range(d.K).map((i) => sum(v[g]!.map((value, j) => value[i]! * weights[j]!)) / sum(weights));
    });
    for (const h of range(d.H)) gateKeys[h]!.push(pairs[d.H + h]!);
    return times(o, p.out);
  });
  return { y, k, v, gateKeys };
}
type PairStates = Record<"k" | "v" | "gateKeys", Loose>;

/** Both sides: Σ log f over the tokens from the nearer one, excluded, to the query; later ones by gates of their own. */
function bothSides({ x, p, c, d }: Omit<At, "x" | "s"> & { x: number[][] }): number[][] {
  const logs = x.map((x_t) => times(x_t, p.forget!, p.forgetBias).map((pre) => Math.log(sigmoid(pre))));
  const [q, k, v] = [p.q, p.k, p.v].map((map, i) => x.map((x_t) => cut(times(x_t, map), i === 0 ? d.H : d.G))) as [
    number[][][],
    number[][][],
    number[][][],
  ];
  return x.map((_, t) => {
    const o = range(d.H).flatMap((h) => {
      const g = Math.floor(h / d.shared);
      const seen = range(x.length).filter((s) => Math.abs(t - s) < (c.window ?? x.length));
      const weights = seen.map((s) => {
        const gate = s <= t ? h : d.H + h;
        const between = range(Math.abs(t - s)).map((i) => logs[Math.min(s, t) + 1 + i]![gate]!);
        return Math.exp(dot(k[s]![g]!, q[t]![h]!) / Math.sqrt(d.K) + sum(between));
      });
      return range(d.K).map((i) => sum(seen.map((s, j) => v[s]![g]![i]! * weights[j]!)) / sum(weights));
    });
    return times(o, p.out);
  });
}

mixerSuite(forgettingAttention, {
  configs: [
    { heads: 2 },
    { heads: 4, kvHeads: 2, headSize: 3 },
    { heads: 2, window: 3 },
    { heads: 2, causal: false },
    { heads: 2, kvHeads: 1, pairGates: 3 },
    { heads: 2, kvHeads: 1, causal: false, window: 2 },
  ],
  width: 8,
  naive: ({ x, s, ...at }) => {
    if (at.c.pairGates) {
      const of = (b: number) => s && { k: s.k![b]!, v: s.v![b]!, gateKeys: s.gateKeys![b]! };
      const results = x.map((rows, b) => pairwise({ ...at, x: rows, s: of(b) }));
      const field = (name: keyof PairStates) => results.map((result) => result[name]);
      return { y: results.map(({ y }) => y), s: { k: field("k"), v: field("v"), gateKeys: field("gateKeys") } };
    }
    if (at.c.causal === false) return { y: x.map((rows) => bothSides({ ...at, x: rows })), s: {} };
    const start = (b: number) => s && { k: s.k![b]!, v: s.v![b]!, forgotten: s.forgotten![b]!, total: s.total![b]! };
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
