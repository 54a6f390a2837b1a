import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { gmlp } from "./gmlp.ts";
import { gelu } from "./lti-naive.ts";
import { dot, range, sum, times } from "./plain-loops.ts";
import { normalised } from "./rnn-naive.ts";

type At = NaiveMixerArguments<ReturnType<typeof gmlp.config.parse>, ReturnType<typeof gmlp.dims>>;

function sequence(x: number[][], { c, d, p }: { c: At["c"]; d: At["d"]; p: Readonly<Record<string, Loose>> }) {
  const hidden = x.map((token) => times(token, p.in!, p.inBias).map(gelu));
  const gates = hidden.map((row) =>
    normalised(row.slice(d.V), c.epsilon).map((value, i) => value * p.norm![i]! + p.normBias![i]!),
  );
  const weight = (h: number, t: number, s: number) => {
    if (c.weights === "full") return c.causal && s > t ? 0 : p.mix![h]![t]![s]!;
    return s > t ? 0 : p.mix![h]![d.L - 1 - (t - s)]! * p.to![h]![t]! * p.from![h]![s]!;
  };
  const added = attended(x, { c, p });
  return hidden.map((row, t) => {
    const gated = range(d.V).map((i) => {
      const h = Math.floor(i / (d.V / d.H));
      const gate = sum(gates.map((values, s) => weight(h, t, s) * values[i]!)) + p.mixBias![h]![t]!;
      return row[i]! * (gate + (added ? added[t]![i]! : 0));
    });
    return times(gated, p.out!, p.outBias);
  });
}

function attended(x: number[][], { c, p }: { c: At["c"]; p: Readonly<Record<string, Loose>> }): number[][] | undefined {
  if (c.attention === undefined) return undefined;
  const A = c.attention;
  const qkv = x.map((token) => times(token, p.qkv!));
  return qkv.map((row, t) => {
    const seen = qkv.slice(0, c.causal ? t + 1 : qkv.length);
    const scores = seen.map((other) => Math.exp(dot(row.slice(0, A), other.slice(A, 2 * A)) / Math.sqrt(A)));
    const mean = range(A).map((i) => sum(seen.map((other, s) => scores[s]! * other[2 * A + i]!)) / sum(scores));
    return times(mean, p.attentionOut!, p.attentionBias);
  });
}

mixerSuite(gmlp, {
  configs: [
    { maxTokens: 24, hidden: 6 },
    { maxTokens: 24, hidden: 8, heads: 2, causal: true, attention: 3 },
    { maxTokens: 21, hidden: 6, weights: "toeplitz" },
    { maxTokens: 21, hidden: 4, weights: "toeplitz", attention: 2 },
  ],
  width: 4,
  naive: ({ x, p, c, d }: At) => ({
    y: x.map((rows) => sequence(rows, { c, d, p: p as Readonly<Record<string, Loose>> })),
  }),
});
