import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { cut, dot, range, sum, times, unit } from "./plain-loops.ts";
import { xca } from "./xca.ts";

type At = NaiveMixerArguments<ReturnType<typeof xca.config.parse>, ReturnType<typeof xca.dims>>;

function naive({ x, p: given, d }: At) {
  const p = given as Readonly<Record<string, Loose>>;
  const y = x.map((tokens) => {
    const columns = tokens.map((token) => cut(times(token, p.qkv!, p.qkvBias), 3 * d.H));
    const feature = (part: number, i: number) => columns.map((row) => row[part]![i]!);
    return tokens.map((_, t) => {
      const heads = range(d.H).flatMap((h) =>
        range(d.K).map((i) => {
          const q = unit(feature(h, i), 0);
          const weights = range(d.K).map((j) => Math.exp(p.temperature![h]! * dot(q, unit(feature(d.H + h, j), 0))));
          return sum(weights.map((w, j) => w * columns[t]![2 * d.H + h]![j]!)) / sum(weights);
        }),
      );
      return times(heads, p.out!, p.outBias);
    });
  });
  return { y };
}

mixerSuite(xca, {
  configs: [{ heads: 2 }, { heads: 4, bias: true, outBias: false }],
  width: 8,
  naive: naive as never,
});
