import { type Loose, mixerSuite, type NaiveMixerArguments } from "../../testing/index.ts";
import { h3 } from "./h3.ts";
import { discrete, type Pair, plus, times as product, scaledBy, statesOf, storedOf } from "./lti-naive.ts";
import { matrixFrom, range, shortConv, sum, times } from "./plain-loops.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof h3.config.parse>,
  ReturnType<typeof h3.dims>,
  ReturnType<typeof h3.params>,
  ReturnType<typeof h3.state>
>;

/** Fu et al. 2023, section 3.1, token by token. */
function sequence(x: number[][], { p, d, s }: Pick<At, "p" | "d"> & { s: { conv: Loose; x: Loose } | undefined }) {
  const conv = matrixFrom(s?.conv, d.D, d.W - 1);
  const kernel = range(d.D).map((i) =>
    range(d.W)
      .map(
        (l) =>
          sum(range(d.W - l).map((n) => p.shiftInput[i]![n]! * p.shiftOutput[i]![n + l]!)) +
          (l === 0 ? p.shiftSkip[i]! : 0),
      )
      .reverse(),
  );
  const pair = (stored: Loose): Pair => [stored[0]!, stored[1]!];
  const systems = range(d.H).map((h) =>
    range(d.N).map((n) => {
      const A: Pair = [-Math.exp(p.logRate[h]![n]!), p.frequency[h]![n]!];
      const { decay, input } = discrete(A, Math.exp(p.logDt[h]!), "bilinear");
      return { decay, input: product(input, pair(p.B[h]![n]!)), C: pair(p.C[h]![n]!) };
    }),
  );
  const states = range(d.H).map((h) => range(d.K * d.K).map((i) => statesOf(s?.x[h]?.[i], d.N)));
  const y = x.map((token) => {
    const k = shortConv(times(token, p.k, p.kBias), conv, kernel);
    const [q, v] = [times(token, p.q, p.qBias), times(token, p.v, p.vBias)];
    const read = range(d.H).flatMap((h) =>
      range(d.K).map((j) =>
        sum(
          range(d.K).map((i) => {
            const u = k[h * d.K + i]! * v[h * d.K + j]!;
            const next = systems[h]!.map(({ decay, input }, n) =>
              plus(product(decay, states[h]![i * d.K + j]![n]!), scaledBy(input, u)),
            );
            states[h]![i * d.K + j] = next;
            const memory = sum(systems[h]!.map(({ C }, n) => 2 * product(C, next[n]!)[0]));
            return q[h * d.K + i]! * (memory + p.skip[h]! * u);
          }),
        ),
      ),
    );
    return times(read, p.out, p.outBias);
  });
  return { y, conv, x: states.map((rows) => rows.map(storedOf)) };
}

mixerSuite(h3, {
  configs: [
    { state: 4, shift: 3, dtMin: 0.05, dtMax: 0.5 },
    { state: 2, shift: 4, heads: 2, dtMin: 0.1, dtMax: 1 },
  ],
  width: 4,
  algorithmic: ["chunk"],
  naive: ({ x, p, d, s }: At) => {
    const results = x.map((rows, b) => sequence(rows, { p, d, s: s && { conv: s.conv[b]!, x: s.x[b]! } }));
    return {
      y: results.map(({ y }) => y),
      s: { conv: results.map(({ conv }) => conv), x: results.map((result) => result.x) },
    };
  },
});
