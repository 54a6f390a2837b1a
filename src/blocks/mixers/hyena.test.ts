import { expect, test } from "vitest";
import { zeros } from "../../tensor/index.ts";
import { type Loose, mixerSuite, type NaiveMixerArguments, plainIo } from "../../testing/index.ts";
import { hyena } from "./hyena.ts";
import { matrixFrom, range, shortConv, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<ReturnType<typeof hyena.config.parse>, ReturnType<typeof hyena.dims>>;

/** Filters [channel][lag] by the equations of section 3.3. */
function filters(
  { c, d, p }: { c: At["c"]; d: At["d"]; p: Readonly<Record<string, Loose>> },
  lags: number,
): number[][] {
  const sine = (h: number[]) => h.map((value, i) => Math.sin(p.sine![i]! * value));
  const [slow, fast] = [Math.log(100) / 1.5, Math.log(100) / 0.3];
  const rows = range(lags).map((l) => {
    const first = sine(times(p.lags![l]!, p.first!, p.firstBias));
    const hidden = range(c.filterLayers).reduce((h, i) => sine(times(h, p[`layer${i}`]!, p[`layer${i}Bias`])), first);
    return times(hidden, p.last!).map((value, channel) => {
      const rate = slow + ((fast - slow) * channel) / (d.V - 1);
      return value * Math.exp((-l / (d.L - 1)) * rate);
    });
  });
  return range(d.V).map((channel) => rows.map((row) => row[channel]!));
}

function sequence(
  x: number[][],
  {
    c,
    d,
    p,
    s,
  }: { c: At["c"]; d: At["d"]; p: Readonly<Record<string, Loose>>; s?: { conv: Loose; past: Loose } | undefined },
) {
  const conv = matrixFrom(s?.conv, d.P * d.D, c.conv - 1);
  const past = range(d.V).map((channel) => [...((s?.past[channel] as number[] | undefined) ?? [])]);
  const k = filters({ c, d, p }, d.L);
  const y = x.map((token) => {
    const columns = shortConv(times(token, p.in!, p.inBias), conv, p.conv!, p.convBias);
    const part = (i: number) => columns.slice(i * d.D, (i + 1) * d.D);
    let v = part(c.order);
    for (const o of range(c.order - 1)) {
      v = v.map((value, i) => {
        const channel = o * d.D + i;
        const u = value * part(c.order - 1 - o)[i]!;
        past[channel]!.push(u);
        const now = past[channel]!.length - 1;
        return past[channel]!.reduce((sum, earlier, t) => sum + k[channel]![now - t]! * earlier, p.skip![channel]! * u);
      });
    }
    return times(
      v.map((value, i) => value * part(0)[i]!),
      p.out!,
      p.outBias,
    );
  });
  return { y, conv, past };
}

mixerSuite(hyena, {
  configs: [
    { maxTokens: 32, filterWidth: 5, sineFrequency: 1 },
    { maxTokens: 40, order: 3, filterWidth: 4, filterLayers: 1, lagFeatures: 5, conv: 2, sineFrequency: 2 },
  ],
  width: 4,
  naive: ({ x, p, c, d, s }) => {
    const results = x.map((rows, b) =>
      sequence(rows, { c, d, p: p as Readonly<Record<string, Loose>>, s: s && { conv: s.conv[b]!, past: s.past[b]! } }),
    );
    return {
      y: results.map(({ y }) => y),
      s: { conv: results.map(({ conv }) => conv), past: results.map(({ past }) => past) },
    };
  },
});

test("a sequence longer than its filters is rejected", () => {
  const c = hyena.config.parse({ maxTokens: 8 });
  const at = { c, d: hyena.dims(c, 4), p: {} as never, s: {}, b: {}, io: plainIo("eval") };
  expect(() => hyena.forward(zeros([1, 9, 4]), at)).toThrow(/hyena: expected at most maxTokens = 8 tokens, got 9/);
});
