import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { baseConv } from "./base-conv.ts";
import { matrixFrom, range, shortConv, silu, sum, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof baseConv.config.parse>,
  ReturnType<typeof baseConv.dims>,
  Record<string, unknown>,
  ReturnType<typeof baseConv.state>
>;

function filterOf(p: Readonly<Record<string, Loose>>): number[][] {
  if (!p.lags) return p.conv as unknown as number[][];
  const rows = p.lags.map((features: Loose) => {
    const hidden = times(features as unknown as number[], p.first!, p.firstBias).map((h) => Math.max(0, h));
    return times(hidden, p.last!, p.lastBias);
  }) as number[][];
  return range(rows[0]!.length).map((d) => rows.map((row) => row[d]!));
}

function sequence(
  x: number[][],
  { c, d, p }: { c: At["c"]; d: At["d"]; p: Readonly<Record<string, Loose>> },
  stored: Loose | undefined,
) {
  const conv = matrixFrom(c.filter === "short" ? stored : undefined, d.D, d.W - 1);
  const past = range(d.D).map((i) => (c.filter !== "short" && stored ? [...(stored[i] as unknown as number[])] : []));
  const k = filterOf(p);
  const active = (value: number) => (c.activation === "silu" ? silu(value) : value);
  const y = x.map((token) => {
    token.forEach((value, i) => void past[i]!.push(value));
    const convolved =
      c.filter === "short"
        ? shortConv(token, conv, p.conv!, p.convBias)
        : token.map((value, i) => sum(past[i]!.map((u, t) => k[i]![past[i]!.length - 1 - t]! * u)) + value);
    const projected = times(token, p.projection!, p.projectionBias);
    return token.map((value, i) => active(convolved[i]!) * active(projected[i]!) + value);
  });
  return { y, s: c.filter === "short" ? conv : past };
}

mixerSuite(baseConv, {
  configs: [{}, { filter: "explicit", maxTokens: 32, activation: "silu" }, { filter: "implicit", maxTokens: 40 }],
  width: 4,
  naive: ({ x, p, c, d, s }: At) => {
    const field = c.filter === "short" ? "conv" : "past";
    const results = x.map((rows, b) =>
      sequence(rows, { c, d, p: p as Readonly<Record<string, Loose>> }, s?.[field]?.[b]),
    );
    return { y: results.map(({ y }) => y), s: { [field]: results.map((result) => result.s) } };
  },
});
