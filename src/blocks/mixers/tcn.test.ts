import { expect, test } from "vitest";
import { countFlops } from "../../engine/index.ts";
import { longConv } from "../../ops/index.ts";
import { input } from "../../tensor/index.ts";
import { type Loose, mixerSuite, type NaiveMixerArguments, type Nested, plainIo } from "../../testing/index.ts";
import type { Mixer } from "../define.ts";
import { range, sum, times } from "./plain-loops.ts";
import { reachedBy } from "./receptive-field.fixture.ts";
import { weightOf } from "./rnn-golden-weights.fixture.ts";
import { receptiveField, tcn } from "./tcn.ts";

type At = NaiveMixerArguments<ReturnType<typeof tcn.config.parse>, ReturnType<typeof tcn.dims>, Record<string, Loose>>;

/** The convolutions one after the other; what is stored of each one's inputs comes first. */
function sequence(
  x: number[][],
  { c, d, p }: Pick<At, "c" | "d" | "p">,
  stored: (l: number) => number[][] | undefined,
) {
  const pasts: number[][][] = [];
  const h = range(c.depth).reduce((rows, l) => {
    const dilation = c.factor ** l;
    const reach = (c.taps - 1) * dilation;
    const before = range(reach).map((t) => range(d.D).map((i) => stored(l)?.[i]?.[t] ?? 0));
    const all = before.concat(rows);
    pasts.push(range(d.D).map((i) => all.slice(all.length - reach).map((row) => row[i]!)));
    return rows.map((row, t) => {
      const under = range(c.taps).map((j) => all[t + j * dilation]!);
      const kernel = p[`conv${l}`]!;
      const sums = c.depthwise
        ? row.map((_, i) => sum(under.map((token, j) => token[i]! * kernel[j]![i]!)))
        : times(under.flat(), kernel);
      return row.map((value, i) => {
        const mapped = sums[i]! + p[`bias${l}`]![i]!;
        return value + (c.activation === "relu" ? Math.max(0, mapped) : mapped);
      });
    });
  }, x);
  const y = h.map((row, t) => row.map((value, i) => value - x[t]![i]!));
  return { y: p.out ? y.map((row) => times(row, p.out!)) : y, pasts };
}

mixerSuite(tcn, {
  configs: [
    { depth: 2 },
    { depth: 3, taps: 2, factor: 1, activation: "none", project: true },
    { depth: 2, taps: 3, factor: 3, depthwise: true, activation: "none" },
  ],
  width: 4,
  naive: (({ x, s, c, d, p }: At) => {
    const results = x.map((rows, b) =>
      sequence(rows, { c, d, p }, (l) => s?.[`past${l}` as never]?.[b as never] as number[][] | undefined),
    );
    const state: Record<string, Nested> = Object.fromEntries(
      range(c.depth).map((l) => [`past${l}`, results.map(({ pasts }) => pasts[l]!)]),
    );
    return { y: results.map(({ y }) => y), s: state };
  }) as never,
});

const D = 8;

function flopsAt(tokens: number): number {
  const mixer = tcn as unknown as Mixer;
  const c = mixer.config.parse({});
  const d = mixer.dims(c, D);
  const p = Object.fromEntries(
    Object.entries(mixer.params(d, c)).map(([name, { shape }]) => [name, weightOf(input(name, shape))]),
  );
  const at = { c, d, p, b: {}, s: {}, io: plainIo("eval") };
  return countFlops([mixer.forward(input("x", [1, tokens, D]), at).y]).total;
}

test("[tcn-dilated] it reaches 1 + (k − 1)(f^L − 1)/(f − 1) tokens and none ahead, at a cost exactly linear in the length, below a transform's", () => {
  for (const [taps, depth, factor] of [
    [3, 1, 2],
    [3, 3, 2],
    [2, 3, 3],
    [5, 2, 4],
  ] as const) {
    const options = { taps, depth, factor, activation: "none" };
    const reached = receptiveField(options);
    expect(reached).toBe(1 + ((taps - 1) * (factor ** depth - 1)) / (factor - 1));
    expect(reachedBy(tcn, [options])).toEqual({ behind: 0, ahead: Math.min(reached - 1, 20) });
  }
  const transform = (tokens: number) =>
    countFlops([longConv(input("u", [D, 1, tokens]), input("kernel", [D, tokens]), false)]).total;
  const lengths = [256, 1024, 4096];
  const slope = (work: (tokens: number) => number) => (n: number) => Math.log2(work(2 * n) / work(n));
  for (const one of lengths.map(slope(flopsAt))) expect(one).toBe(1);
  for (const one of lengths.map(slope(transform))) expect(one).toBeGreaterThan(1.05);
});
