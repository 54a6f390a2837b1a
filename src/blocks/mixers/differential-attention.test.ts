import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { differentialAttention } from "./differential-attention.ts";
import { cut, dot, range, rms, sum, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof differentialAttention.config.parse>,
  ReturnType<typeof differentialAttention.dims>
>;

/** Halves of a head, base 10000. */
function turned(x: readonly number[], position: number, kind: string): number[] {
  if (kind !== "rope") return [...x];
  const half = x.length / 2;
  return x.map((value, i) => {
    const angle = position * 10_000 ** (-(i % half) / half);
    return value * Math.cos(angle) + (i < half ? -x[i + half]! : x[i - half]!) * Math.sin(angle);
  });
}

function naive({ x, p: given, c, d, s }: At) {
  const p = given as Readonly<Record<string, Loose>>;
  const old = (field: Loose | undefined, b: number): number[][][] =>
    field === undefined
      ? []
      : range(field[b]![0]!.length).map((t) => Array.from(field[b]!, (head) => Array.from(head[t]!, Number)));
  const stored = s as Readonly<Record<string, Loose>> | undefined;
  const [keys, values] = [x.map((_, b) => old(stored?.k, b)), x.map((_, b) => old(stored?.v, b))];
  const grown = (i: number) => Math.exp(dot(p[`query${i}`] as Loose, p[`key${i}`] as Loose));
  const share = grown(1) - grown(2) + c.start;
  const y = x.map((tokens, b) =>
    tokens.map((token) => {
      const t = keys[b]!.length;
      const place = (head: number[]) => turned(head, t, c.positions.kind);
      keys[b]!.push(cut(times(token, p.k!), 2 * d.G).map(place));
      values[b]!.push(cut(times(token, p.v!), d.G));
      const q = cut(times(token, p.q!), 2 * d.P).map(place);
      const heads = range(d.P).flatMap((h) => {
        const g = Math.floor(h / (d.P / d.G));
        const gathered = [0, 1].map((i) => {
          const weights = keys[b]!.map((key) => Math.exp(dot(q[i * d.P + h]!, key[i * d.G + g]!) / Math.sqrt(d.K)));
          return range(2 * d.K).map((n) => sum(values[b]!.map((v, j) => weights[j]! * v[g]![n]!)) / sum(weights));
        });
        const difference = gathered[0]!.map((value, n) => value - share * gathered[1]![n]!);
        return rms(difference, c.epsilon).map((value, n) => (1 - c.start) * value * (p.norm?.[n] ?? 1));
      });
      return times(heads, p.out!);
    }),
  );
  const field = (all: number[][][][]) =>
    all.map((rows) => range(rows[0]!.length).map((g) => rows.map((row) => row[g]!)));
  return { y, s: { k: field(keys), v: field(values) } };
}

mixerSuite(differentialAttention, {
  configs: [
    { heads: 2, kvHeads: 1, positions: { kind: "rope" } },
    { heads: 1, headSize: 3, start: 0.2, normGain: false },
  ],
  width: 8,
  naive: naive as never,
});
