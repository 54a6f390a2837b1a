import { expect, test } from "vitest";
import {
  type Loose,
  mixerSuite,
  type NaiveMixerArguments,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { axialAttention } from "./axial-attention.ts";
import { cut, dot, range, sum, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<ReturnType<typeof axialAttention.config.parse>, ReturnType<typeof axialAttention.dims>>;
type P = Readonly<Record<string, Loose>>;

/** Each token attends to those of its line. */
function inLines(
  tokens: number[][],
  lineOf: (t: number) => number,
  { p, d, name }: { p: P; d: At["d"]; name: string },
) {
  const columns = tokens.map((token) => cut(times(token, p[`${name}Qkv`]!), 3 * d.H));
  return tokens.map((_, t) => {
    const seen = range(tokens.length).filter((s) => lineOf(s) === lineOf(t));
    const heads = range(d.H).flatMap((h) => {
      const weights = seen.map((s) => Math.exp(dot(columns[t]![h]!, columns[s]![d.H + h]!) / Math.sqrt(d.K)));
      return range(d.K).map((i) => sum(seen.map((s, n) => weights[n]! * columns[s]![2 * d.H + h]![i]!)) / sum(weights));
    });
    return times(heads, p[`${name}Out`]!, p[`${name}OutBias`]);
  });
}

function naive({ x, p, c, d }: At) {
  const y = x.map((tokens) => {
    const at = { p: p as P, d };
    const down = (rows: number[][]) => inLines(rows, (t) => t % c.columns, { ...at, name: "down" });
    const along = (rows: number[][]) => inLines(rows, (t) => Math.floor(t / c.columns), { ...at, name: "along" });
    if (c.joined === "in-turn") return along(down(tokens));
    const second = along(tokens);
    return down(tokens).map((row, t) => row.map((value, i) => value + second[t]![i]!));
  });
  return { y };
}

mixerSuite(axialAttention, {
  configs: [
    { heads: 2, columns: 3 },
    { heads: 2, columns: 2, joined: "in-turn", outBias: false },
  ],
  width: 8,
  naive: naive as never,
});

test("a given grid decides the lines", () => {
  const D = 4;
  const c = axialAttention.config.parse({ heads: 1, columns: 5 });
  const d = axialAttention.dims(c, D);
  const declared = Object.entries(axialAttention.params(d, c)).map(([name, { shape }]) => [
    name,
    randomNormal(name, shape),
  ]);
  const inputs = { x: randomNormal("x", [1, 6, D]), ...Object.fromEntries(declared) };
  const at = (grid: readonly [number, number]) =>
    run({
      inputs,
      build: ({ x, ...weights }) => {
        const p = weightsFrom(weights) as never;
        return { y: axialAttention.forward(x!, { c, d, p, s: {}, b: {}, io: { ...plainIo("eval"), grid } }).y };
      },
    }).y!;
  expect(at([2, 3]).data).not.toEqual(at([3, 2]).data);
});
