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
import { gatedConvUnit } from "./gated-conv-unit.ts";
import { matrixFrom, times } from "./plain-loops.ts";

type Config = ReturnType<typeof gatedConvUnit.config.parse>;
type At = NaiveMixerArguments<
  Config,
  ReturnType<typeof gatedConvUnit.dims>,
  ReturnType<typeof gatedConvUnit.params>,
  ReturnType<typeof gatedConvUnit.state>
>;

const silu = (v: number) => v / (1 + Math.exp(-v));

/** x + Σ_j k_j x at t − (taps − 1 − j)·dilation, or around t; and the last inputs, oldest first, [F][reach]. */
function remembered(
  x: number[][],
  {
    own,
    past,
    taps,
    dilation,
    causal,
  }: { own: Loose; past: Loose | undefined; taps: number; dilation: number; causal: boolean },
) {
  const reach = (taps - 1) * dilation;
  const F = x[0]!.length;
  const before = matrixFrom(past, F, reach);
  const at = (t: number, f: number): number => (t < 0 ? (causal ? before[f]![t + reach]! : 0) : (x[t]?.[f] ?? 0));
  const first = causal ? reach : reach / 2;
  const y = x.map((row, t) =>
    row.map(
      (v, f) =>
        v +
        Array.from({ length: taps }, (_, j) => own[j]![f]! * at(t - first + j * dilation, f)).reduce(
          (a, b) => a + b,
          0,
        ),
    ),
  );
  const last = before.map((_, f) => Array.from({ length: reach }, (_, r) => at(x.length - reach + r, f)));
  return { y, last };
}

function sequence(x: number[][], { p, c, s }: { p: At["p"]; c: Config; s: Record<string, Loose> }) {
  const reach = { taps: c.taps, dilation: 1, causal: c.causal };
  const branch = (weight: Loose, offset: Loose, own: Loose, past: Loose | undefined) =>
    remembered(
      x.map((token) => times(token, weight, offset).map(silu)),
      { own, past, ...reach },
    );
  const u = branch(p.first, p.firstBias, p.firstKernel, s["first"]);
  const v = branch(p.second, p.secondBias, p.secondKernel, s["second"]);
  const hidden = (row: number[]) => times(row, p.memoryIn!, p.memoryInBias).map((h) => Math.max(h, 0));
  const kept =
    c.memory &&
    remembered(
      u.y.map((row) => times(hidden(row), p.memoryOut!)),
      { own: p.memoryKernel!, past: s["memory"], ...c.memory, causal: c.causal },
    );
  const y = u.y.map((row, t) =>
    times(
      row.map((value, f) => (value + (kept?.y[t]?.[f] ?? 0)) * v.y[t]![f]!),
      p.out,
      p.outBias,
    ),
  );
  return { y, s: { first: u.last, second: v.last, ...(kept && { memory: kept.last }) } };
}

mixerSuite(gatedConvUnit, {
  configs: [
    { taps: 3 },
    { taps: 4, hidden: 5 },
    { taps: 3, causal: false },
    { taps: 3, memory: { taps: 3, dilation: 2 } },
  ],
  width: 4,
  naive({ x, p, c, s }: At) {
    const results = x.map((rows, b) => {
      const own = Object.fromEntries(Object.entries(s ?? {}).map(([name, state]) => [name, (state as Loose)[b]!]));
      return sequence(rows, { p, c, s: own });
    });
    const states = Object.keys(results[0]!.s) as (keyof (typeof results)[0]["s"])[];
    return {
      y: results.map(({ y }) => y),
      s: c.causal ? Object.fromEntries(states.map((name) => [name, results.map((one) => one.s[name]!)])) : {},
    };
  },
});

test("[gated-conv-unit] each branch gates the other: at zero either one leaves only the offset, and exchanged they give the same", () => {
  const [D, T] = [4, 5];
  const c = gatedConvUnit.config.parse({ taps: 3 });
  const d = gatedConvUnit.dims(c, D);
  const drawn = Object.fromEntries(
    Object.entries(gatedConvUnit.params(d, c)).map(([name, { shape }]) => [name, randomNormal(name, shape)]),
  );
  const through = (own: typeof drawn) =>
    run({
      inputs: { ...own, x: randomNormal("x", [1, T, D]) },
      build: ({ x, ...at }) => ({
        y: gatedConvUnit.forward(x!, { c, d, p: weightsFrom(at) as never, s: {}, b: {}, io: plainIo("eval") }).y,
      }),
    }).y!.data;
  const zeroed = (names: readonly string[]) =>
    Object.fromEntries(
      Object.entries(drawn).map(([name, one]) => [
        name,
        names.includes(name) ? { ...one, data: one.data.map(() => 0) } : one,
      ]),
    );
  for (const side of ["first", "second"])
    through(zeroed([side, `${side}Bias`])).forEach(
      (v, i) => void expect(v).toBeCloseTo(drawn["outBias"]!.data[i % D]!, 12),
    );
  const swapped = Object.fromEntries(
    Object.entries(drawn).map(([name]) => [
      name,
      drawn[name.startsWith("first") ? name.replace("first", "second") : name.replace("second", "first")]!,
    ]),
  );
  const plain = through(drawn);
  through(swapped).forEach((v, i) => void expect(v).toBeCloseTo(plain[i]!, 12));
});
