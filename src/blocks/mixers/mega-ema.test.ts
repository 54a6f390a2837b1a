import { expect, test } from "vitest";
import { longConv } from "../../ops/index.ts";
import { type Loose, mixerSuite, type NaiveMixerArguments, randomNormal, run } from "../../testing/index.ts";
import { averages, megaEma } from "./mega-ema.ts";
import { dot, matrixFrom, range, sigmoid, silu, times } from "./plain-loops.ts";
import { goldenIo, weightOf } from "./rnn-golden-weights.fixture.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof megaEma.config.parse>,
  ReturnType<typeof megaEma.dims>,
  ReturnType<typeof megaEma.params>
>;

/** Ma et al. 2022, eq. 4 and 5, token by token. */
function sequence({ x, p, c, d, s }: Omit<At, "x" | "s"> & { x: number[][]; s: Loose | undefined }) {
  const e = matrixFrom(s, d.D, d.N);
  const y = x.map((token) => {
    const mixed = token.map((value, i) => {
      for (const n of range(d.N)) {
        const [share, damping] = [sigmoid(p.share[i]![n]!), sigmoid(p.damping[i]![n]!)];
        e[i]![n] = share * p.spread[i]![n]! * value + (1 - share) * damping * e[i]![n]!;
      }
      const sum = dot(e[i]!, p.gathered[i]!) + (p.skip?.[i] ?? 0) * value;
      return c.activation === "silu" ? silu(sum) : sum;
    });
    return p.out ? times(mixed, p.out) : mixed;
  });
  return { y, e };
}

mixerSuite(megaEma, {
  configs: [{ averages: 3 }, { averages: 2, skip: false, activation: "none", project: false }],
  width: 4,
  algorithmic: ["chunk"],
  naive: ({ x, s, ...at }) => {
    const results = x.map((rows, b) => sequence({ ...at, x: rows, s: s?.e[b] }));
    return { y: results.map(({ y }) => y), s: { e: results.map(({ e }) => e) } };
  },
});

test("[mega] the moving average as a convolution by Fourier transforms equals its recurrence", () => {
  const [D, N, T] = [3, 4, 200];
  const config = megaEma.config.parse({ averages: N, skip: false, activation: "none", project: false, chunk: 1 });
  const names = ["share", "damping", "spread", "gathered"] as const;
  const parameters = Object.fromEntries(names.map((name) => [name, randomNormal(name, [D, N])]));
  const { recurrence, convolution } = run({
    inputs: { ...parameters, x: randomNormal("x", [2, T, D]) },
    build: ({ x, ...at }) => {
      const p = Object.fromEntries(names.map((name) => [name, weightOf(at[name]!)])) as Record<
        (typeof names)[number],
        ReturnType<typeof weightOf>
      >;
      const { y } = megaEma.forward(x!, { c: config, d: { D, N }, p, s: {}, b: {}, io: goldenIo() });
      const kernel = averages(p, 8).kernel_CL.slice(1, 0, T);
      return { recurrence: y, convolution: longConv(x!.transpose([2, 0, 1]), kernel, false).transpose([1, 2, 0]) };
    },
  });
  expect(convolution!).toBeAllclose(recurrence!, { tolerance: 1e-9 });
});

test("[moving-average] the scan equals the closed form: every earlier token with weight α·((1 − α)δ)^(distance)", () => {
  const [D, N, T] = [3, 2, 40];
  const config = megaEma.config.parse({ averages: N, skip: false, activation: "none", project: false });
  const names = ["share", "damping", "spread", "gathered"] as const;
  const parameters = Object.fromEntries(names.map((name) => [name, randomNormal(name, [D, N])]));
  const tokens = randomNormal("x", [1, T, D]);
  const { y } = run({
    inputs: { ...parameters, x: tokens },
    build: ({ x, ...at }) => {
      const p = Object.fromEntries(names.map((name) => [name, weightOf(at[name]!)])) as never;
      return { y: megaEma.forward(x!, { c: config, d: { D, N }, p, s: {}, b: {}, io: goldenIo() }).y };
    },
  });
  const closed = range(T * D).map((place) => {
    const [t, i] = [Math.floor(place / D), place % D];
    const terms = range(N).flatMap((n) => {
      const [share, damping, spread, gathered] = names.map((name) => parameters[name]!.data[i * N + n]!);
      const alpha = sigmoid(share!);
      const fading = (1 - alpha) * sigmoid(damping!);
      return range(t + 1).map((j) => gathered! * alpha * fading ** (t - j) * spread! * tokens.data[j * D + i]!);
    });
    return terms.reduce((sum, term) => sum + term, 0);
  });
  expect(y!).toBeAllclose({ shape: [1, T, D], data: Float64Array.from(closed) }, { tolerance: 1e-12 });
});
