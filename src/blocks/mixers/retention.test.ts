import { expect, test } from "vitest";
import {
  drawParameters,
  flatten,
  type Loose,
  mixerSuite,
  type NaiveMixerArguments,
  nest,
  plainIo,
  randomNormal,
  run,
  weightsFrom,
} from "../../testing/index.ts";
import { naiveActivations } from "../channels/activations-naive.ts";
import { cut, dot, matrixFrom, range, rms, silu, times } from "./plain-loops.ts";
import { retention } from "./retention.ts";

type At = NaiveMixerArguments<
  ReturnType<typeof retention.config.parse>,
  ReturnType<typeof retention.dims>,
  ReturnType<typeof retention.params>
>;

/** Turns neighbouring channels by one position. */
function turned(row: readonly number[], pairs: number, positions: number): number[] {
  return row.map((value, i) => {
    const angle = positions * 10_000 ** (-Math.floor(i / 2) / Math.max(1, pairs - 1));
    const other = i % 2 === 0 ? -row[i + 1]! : row[i - 1]!;
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

type Stored = { S: Loose; decays?: Loose } | undefined;

/** Sun et al. 2023, eq. 3, token by token: what is held turns back by one position before each write. */
function sequence({ x, p, c, d, s }: Omit<At, "x" | "s"> & { x: number[][]; s: Stored }) {
  const rows = d.V + (c.scoreNorm === "decay-and-sum" ? 1 : 0);
  const S = range(d.H).map((h) => matrixFrom(s?.S[h], rows, d.K));
  const decays = range(d.H).map((h) => Number(s?.decays?.[h] ?? 0));
  const activate = (v: number) => (c.gateActivation === "gelu" ? naiveActivations.gelu(v) : silu(v));
  const y = x.map((x_t) => {
    const [q, k, v, gate] = [p.q, p.k, p.v, p.gate].map((W) => cut(times(x_t, W), d.H)) as [
      number[][],
      number[][],
      number[][],
      number[][],
    ];
    const o = range(d.H).map((h) => {
      const gamma = 1 - 2 ** (-5 - h);
      const written = [...v[h]!, 1];
      S[h] = S[h]!.map((row, i) => turned(row, d.pairs, -1).map((value, j) => gamma * value + written[i]! * k[h]![j]!));
      decays[h] = gamma * decays[h]! + 1;
      const read = S[h]!.map((row) => dot(row, q[h]!) / Math.sqrt(d.K));
      const root = Math.sqrt(decays[h]!);
      const divisor = c.scoreNorm ? Math.max(root, Math.abs(read[d.V] ?? 0)) : 1;
      const scores = read.slice(0, d.V).map((value) => value / divisor);
      return rms(scores, c.epsilon).map((value, i) => value * activate(gate[h]![i]!));
    });
    return times(o.flat(), p.out);
  });
  return { y, S, decays };
}

mixerSuite(retention, {
  configs: [
    { heads: 2 },
    { heads: 4, keyRatio: 2, valueRatio: 0.5, epsilon: 1e-3 },
    { heads: 2, valueRatio: 1, scoreNorm: "decay", gateActivation: "gelu", epsilon: 1e-2 },
    { heads: 2, valueRatio: 1, scoreNorm: "decay-and-sum", epsilon: 1e-10 },
  ],
  width: 8,
  algorithmic: ["chunk"],
  naive: ({ x, s, ...at }) => {
    const start = (b: number): Stored => s && { S: s.S[b]!, ...(s.decays && { decays: s.decays[b]! }) };
    const results = x.map((rows, b) => sequence({ ...at, x: rows, s: start(b) }));
    return {
      y: results.map(({ y }) => y),
      s: {
        S: results.map(({ S }) => S),
        ...(at.c.scoreNorm && { decays: results.map(({ decays }) => decays) }),
      },
    };
  },
});

test("norms of scores divide by what the paper's do, where ε is large enough to show it", () => {
  const [T, D] = [5, 8];
  const c = retention.config.parse({ heads: 2, valueRatio: 1, scoreNorm: "decay-and-sum", epsilon: 0.5 });
  const d = retention.dims(c, D);
  const inputs = { x: randomNormal("tokens", [1, T, D]), ...drawParameters(retention.params(d, c)) };
  const { y } = run({
    inputs,
    build: ({ x, ...tensors }) => {
      const p = weightsFrom(tensors) as never;
      return { y: retention.forward(x!, { c, d, p, s: {}, b: {}, io: plainIo("eval") }).y };
    },
  });
  const nested = Object.fromEntries(Object.entries(inputs).map(([name, array]) => [name, nest(array)]));
  const expected = sequence({ x: (nested.x as number[][][])[0]!, p: nested as never, c, d, s: undefined });
  expect(y!).toBeAllclose(flatten([expected.y]), { tolerance: 1e-9 });
});
