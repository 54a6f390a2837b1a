import { expect, test } from "vitest";
import { countFlops } from "../../engine/index.ts";
import { input } from "../../tensor/index.ts";
import { type Loose, mixerSuite, type NaiveMixerArguments, plainIo, weightsFrom } from "../../testing/index.ts";
import { bucketOf } from "../positions/t5-bias.ts";
import { cut, dot, range, rms, sum, times } from "./plain-loops.ts";
import { transientGlobal } from "./transient-global.ts";

type At = NaiveMixerArguments<ReturnType<typeof transientGlobal.config.parse>, ReturnType<typeof transientGlobal.dims>>;

/** Guo et al. 2021, section 3.1.2, one query and one key at a time. */
function sequence(x: number[][], { p, c, d }: { p: Readonly<Record<string, Loose>>; c: At["c"]; d: At["d"] }) {
  const whole = Math.floor(x.length / c.block);
  const blockOf = (t: number) => Math.min(Math.floor(t / c.block), whole - 1);
  const summaries = range(whole).map((j) => {
    const members = x.filter((_, t) => blockOf(t) === j);
    const sums = range(d.D).map((i) => sum(members.map((row) => row[i]!)));
    return rms(sums, c.epsilon).map((value, i) => value * p.summaryNorm![i]!);
  });
  const keys = (token: number[]) => cut(times(token, p.kv!), 2 * d.H);
  const [near, far] = [x.map(keys), summaries.map(keys)];
  const options = { buckets: c.buckets, maxDistance: c.maxDistance, sides: "both" } as const;
  return x.map((token, t) => {
    const q = cut(times(token, p.q!), d.H);
    const y = range(d.H).flatMap((h) => {
      const bias = (table: Loose, distance: number) => table[bucketOf(distance, options)]![h]!;
      const seen = [
        ...near.flatMap((kv, s) => (Math.abs(s - t) <= c.radius ? [{ kv, b: bias(p.nearBias!, s - t) }] : [])),
        ...far.map((kv, j) => ({ kv, b: bias(p.farBias!, j - blockOf(t)) })),
      ];
      const weights = seen.map(({ kv, b }) => Math.exp(dot(q[h]!, kv[h]!) + b));
      return range(d.K).map((i) => sum(seen.map(({ kv }, s) => weights[s]! * kv[d.H + h]![i]!)) / sum(weights));
    });
    return times(y, p.out!);
  });
}

mixerSuite(transientGlobal, {
  configs: [
    { heads: 2, radius: 2, block: 2, buckets: 8, maxDistance: 6 },
    { heads: 1, headSize: 3, radius: 1, block: 4, buckets: 4, maxDistance: 4, epsilon: 0.1 },
    { heads: 2, radius: 1, block: 9, buckets: 4 },
  ],
  width: 4,
  naive: ({ x, p, c, d }: At) => ({
    y: x.map((rows) => sequence(rows, { c, d, p: p as Readonly<Record<string, Loose>> })),
  }),
});

test("its products grow by far fewer than the square of the length", () => {
  const flops = (T: number) => {
    const c = transientGlobal.config.parse({ heads: 2, radius: 8, block: 64 });
    const d = transientGlobal.dims(c, 8);
    const declared = Object.entries(transientGlobal.params(d, c));
    const p = weightsFrom(Object.fromEntries(declared.map(([name, { shape }]) => [name, input(name, shape)])));
    const at = { c, d, p: p as never, s: {}, b: {}, io: plainIo("eval") };
    return countFlops([transientGlobal.forward(input("x", [1, T, 8]), at).y]).total;
  };
  expect(flops(2048) / flops(1024)).toBeLessThan(3);
});
