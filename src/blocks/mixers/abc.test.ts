import { mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { abc } from "./abc.ts";
import { cut, matrixFrom, range, sum, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof abc.config.parse>,
  ReturnType<typeof abc.dims>,
  ReturnType<typeof abc.params>,
  ReturnType<typeof abc.state>
>;

/** Sums of what was given, divided when they are read. */
function naive({ x, p, d, s }: At) {
  const results = x.map((tokens, b) => {
    const totals = range(d.H).map((h) => range(d.M).map((m) => (s ? Number(s.total[b]![h]![m]) : 0)));
    const summed = (field: "keys" | "values") =>
      range(d.H).map((h) =>
        matrixFrom(s && s[field][b]![h], d.K, d.M).map((row) => row.map((mean, m) => mean * totals[h]![m]!)),
      );
    const [keys, values] = [summed("keys"), summed("values")];
    const y = tokens.map((token) => {
      const [q, k, v] = [p.q, p.k, p.v].map((map) => cut(times(token, map), d.H)) as [
        number[][],
        number[][],
        number[][],
      ];
      const gifts = cut(times(token, p.give).map(Math.exp), d.H);
      const o = range(d.H).flatMap((h) => {
        gifts[h]!.forEach((gift, m) => {
          totals[h]![m]! += gift;
          for (const i of range(d.K)) {
            keys[h]![i]![m]! += k[h]![i]! * gift;
            values[h]![i]![m]! += v[h]![i]! * gift;
          }
        });
        const weights = range(d.M).map((m) =>
          Math.exp(sum(keys[h]!.map((row, i) => (row[m]! / totals[h]![m]!) * q[h]![i]!)) / Math.sqrt(d.K)),
        );
        return values[h]!.map(
          (row) => sum(row.map((value, m) => (value / totals[h]![m]!) * weights[m]!)) / sum(weights),
        );
      });
      return times(o, p.out);
    });
    const means = (sums: number[][][]) =>
      sums.map((rows, h) => rows.map((row) => row.map((value, m) => value / totals[h]![m]!)));
    return { y, keys: means(keys), values: means(values), total: totals };
  });
  const all = <K extends keyof (typeof results)[number]>(name: K) => results.map((result) => result[name]);
  return { y: all("y"), s: { keys: all("keys"), values: all("values"), total: all("total") } };
}

mixerSuite(abc, {
  configs: [
    { heads: 2, slots: 3 },
    { heads: 1, slots: 5 },
  ],
  width: 8,
  algorithmic: ["chunk"],
  naive,
});
